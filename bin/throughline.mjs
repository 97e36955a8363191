#!/usr/bin/env node
// The command `throughline`, from whatever folder it is called.
import { program } from './program.mjs';

process.env.NODE_ENV ??= 'production';
await import(await program());
