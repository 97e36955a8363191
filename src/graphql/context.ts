// What a resolver is given: who asks, the loaders of this operation, and the database for writes.
import type { Viewer } from '../access/viewer.ts';
import type { Sql } from '../platform/db.ts';
import type { Catalogue } from './catalogue.ts';
import { Loaders } from './loaders.ts';
import type { Operation, ReadPool } from './reader.ts';
import type { FieldNames } from './rows.ts';

/** What server/ hands to custom resolvers and subscriptions by name. */
export type Parts = Record<string, unknown>;

export class GraphContext {
  #operation: Operation;
  #loaders: Loaders;
  constructor(
    readonly viewer: Viewer,
    private readonly pool: ReadPool,
    readonly catalogue: Catalogue,
    /** The pool of actions. */
    readonly write: Sql,
    readonly parts: Parts,
    /** The fields that the operation names: rows are read of no others. */
    private readonly names: FieldNames = null,
  ) {
    this.#operation = pool.operation(viewer.workspaceId);
    this.#loaders = new Loaders(this.#operation, catalogue, viewer, names);
  }
  get loaders(): Loaders {
    return this.#loaders;
  }
  /** Statements of the operation's reads so far. */
  get statements(): number {
    return this.#operation.statements;
  }
  /** After a write: what is read from now on sees it. */
  renew(): void {
    void this.#operation.close();
    this.#operation = this.pool.operation(this.viewer.workspaceId);
    this.#loaders = new Loaders(this.#operation, this.catalogue, this.viewer, this.names);
  }
  /** Gives the connection back once the last statement has ended. */
  close(): Promise<void> {
    return this.#operation.close();
  }
}
