// `throughline migrate` and `throughline doctor`: bring a database up to date, and say what it lacks.
import { readConfig } from '../../platform/config.ts';
import { examine } from '../../platform/doctor.ts';
import { migrate } from '../../platform/migrate.ts';
import { commandDatabase } from '../database.ts';
import type { Command } from './command.ts';

export const migrateCommand: Command = {
  name: 'migrate',
  usage: '',
  summary: 'Apply what is missing of the migrations, under a lock. `start` does it too.',
  async run() {
    const database = await commandDatabase(readConfig(process.env), (text) => console.error(text));
    try {
      const { applied } = await migrate(database.migrationUrl);
      console.log(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`);
      return 0;
    } finally {
      await database.close();
    }
  },
};

export const doctorCommand: Command = {
  name: 'doctor',
  usage: '',
  summary: 'Name each missing privilege, extension or setting of the database, with the SQL that mends it.',
  async run() {
    const database = await commandDatabase(readConfig(process.env), (text) => console.error(text));
    try {
      const problems = await examine(database.url, database.migrationUrl);
      for (const { about, found, remedy, blocking } of problems) {
        console.log(`${blocking ? 'MISSING' : 'NOTE   '} ${about}: ${found}`);
        for (const line of remedy) console.log(`        ${line}`);
      }
      const blocking = problems.filter((p) => p.blocking).length;
      console.log(blocking > 0 ? `${blocking} to mend before it runs.` : problems.length > 0 ? 'It runs; see the notes.' : 'Nothing is missing.');
      return blocking > 0 ? 1 : 0;
    } finally {
      await database.close();
    }
  },
};
