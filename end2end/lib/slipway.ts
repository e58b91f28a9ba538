// Servers for tests: each on a free port and in a folder of its own, ended with the test.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.ts';
import { Database } from './database.ts';

/**
 * What the sample company runs on and is kept in: nothing outside of the process (the practice cluster,
 * SQLite), or a Kubernetes control plane and PostgreSQL.
 */
export type Ground = 'inside' | 'outside';

/** How a server is started. */
export interface Options {
  /** `demo` brings the sample company, `run` an empty installation. */
  command: 'demo' | 'run';
  /** Nothing outside of the process when nothing is said. */
  on?: Ground;
  /** More arguments. */
  arguments?: string[];
  /** More environment; `DATABASE_URL` for PostgreSQL, for example. */
  environment?: Record<string, string>;
}

/** The people of the sample company for whom `demo` prints sign-in links, by what the line says. */
export type Who = 'developer' | 'product owner' | 'release manager';

/** A cookie as a browser's context takes it. */
export interface Cookie {
  name: string;
  value: string;
  url: string;
}

/** A Slipway server that this test started. */
export class Slipway {
  /** Everything the server has printed. */
  output = '';
  private readonly sessions = new Map<Who, Cookie>();
  private child: ChildProcess | undefined;

  private constructor(
    private readonly options: Options,
    private readonly port: number,
    /** The data folder; it survives `kill` and `restart`. */
    readonly folder: string,
    /** The real cluster under the sample company, if it is not the practice cluster. */
    readonly cluster: Cluster | undefined,
    private readonly database: Database | undefined,
  ) {}

  /** Starts a server and waits until it is ready. */
  static async start(options: Options): Promise<Slipway> {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-browser-'));
    const outside = options.on === 'outside';
    const cluster = outside && options.command === 'demo' ? new Cluster() : undefined;
    const database = outside ? await Database.make() : undefined;
    const slipway = new Slipway(options, await freePort(), folder, cluster, database);
    await slipway.restart();
    return slipway;
  }

  /** Where it answers, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Every address that the server has printed: the sign-in links are among them. */
  get links(): string[] {
    return [...this.output.matchAll(/https?:\/\/[^\s"'<>]+/g)].map(match => match[0]);
  }

  /** The printed address in the line that says this; waits for nothing. */
  link(words: RegExp): string {
    const line = this.output.split('\n').find(line => words.test(line) && /https?:\/\//.test(line));
    const address = line?.match(/https?:\/\/[^\s"'<>]+/)?.[0];
    if (!address) throw new Error(`no printed line with an address says ${words}:\n${this.output}`);
    return address;
  }

  /** The session of a person of the sample company, who signs in once: how often one may is limited. */
  async session(who: Who): Promise<Cookie> {
    const known = this.sessions.get(who);
    if (known) return known;
    const answer = await fetch(this.link(new RegExp(who)), {
      method: 'POST',
      headers: { origin: this.url, 'content-type': 'application/x-www-form-urlencoded' },
      redirect: 'manual',
    });
    const [pair = ''] = answer.headers.get('set-cookie')?.split(';') ?? [];
    const [name, value] = pair.split('=');
    if (answer.status !== 303 || !name || !value) throw new Error(`the ${who} is not let in: ${answer.status}`);
    const cookie = { name, value, url: this.url };
    this.sessions.set(who, cookie);
    return cookie;
  }

  /** Starts it again on the same port and folder; what ran before must have ended. */
  async restart(): Promise<void> {
    if (this.child) throw new Error('the server is still running');
    const program = process.env.SLIPWAY_BIN;
    if (!program) throw new Error('SLIPWAY_BIN names no server: run `cargo xtask test --only browser`');
    const { command, arguments: more = [], environment = {} } = this.options;
    const ground = this.cluster?.arguments ?? [];
    const child = spawn(
      program,
      [command, '--listen', `127.0.0.1:${this.port}`, '--data-dir', this.folder, ...ground, ...more],
      { env: { ...process.env, ...this.database?.environment, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the server ended (${code ?? signal}):\n${this.output}`);
    });
    ended.catch(() => {}); // After the start its end is no surprise.
    await Promise.race([this.ready(), ended]);
  }

  private async ready(): Promise<void> {
    // The server says it by /ready; there is no signal to wait for instead.
    const limit = Date.now() + 60_000;
    for (;;) {
      const answer = await fetch(`${this.url}/ready`).catch(() => undefined);
      if (answer?.ok) return;
      if (Date.now() > limit) throw new Error(`the server is not ready after 60 s:\n${this.output}`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  /** Asks the server to end and waits for it. */
  async end(): Promise<void> {
    await this.signal('SIGTERM');
  }

  /** Ends the server as a power cut would. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  private async signal(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Ends the server and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.cluster?.clear();
    await this.database?.drop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
