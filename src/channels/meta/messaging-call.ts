// One call of the Graph API for Messenger or Instagram.
import { callGraph as call, type Called, type Graph as AnyGraph } from './graph.ts';
import { meaningOf } from './messaging-codes.ts';

export type Graph = Omit<AnyGraph, 'meaningOf' | 'version'>;

/** @see ./graph.ts */
export const callGraph = (graph: Graph, method: 'GET' | 'POST', path: string, o: { body?: object | FormData; timeoutMs?: number } = {}): Promise<Called> =>
  call({ ...graph, meaningOf }, method, path, o);
