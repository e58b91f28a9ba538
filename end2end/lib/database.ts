// Databases on the PostgreSQL that `cargo xtask test` starts, one for each server of a test.
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** A database that nobody else uses. */
export class Database {
  private constructor(
    private readonly server: string,
    private readonly name: string,
  ) {}

  static async make(): Promise<Database> {
    const server = process.env.SLIPWAY_TEST_POSTGRES_URL;
    if (!server) throw new Error('SLIPWAY_TEST_POSTGRES_URL names no server: run `cargo xtask test --only browser`');
    const database = new Database(server, `slipway_browser_${randomBytes(4).toString('hex')}`);
    await database.say(`CREATE DATABASE ${database.name}`);
    return database;
  }

  /** What a server needs to use it. Its key cannot lie in one server's data folder. */
  get environment(): Record<string, string> {
    const url = new URL(this.server);
    url.pathname = `/${this.name}`;
    return { DATABASE_URL: url.href, SLIPWAY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64') };
  }

  /** Removes it, also when a server still holds a connection. */
  async drop(): Promise<void> {
    await this.say(`DROP DATABASE ${this.name} WITH (FORCE)`);
  }

  private async say(statement: string): Promise<void> {
    const client = new Client({ connectionString: this.server });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
}
