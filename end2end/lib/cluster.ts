// The Kubernetes control plane that `cargo xtask test` starts, or the cluster that a person named.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The environments of the sample company, each a namespace. */
const environments = ['development', 'staging', 'pre-production', 'production'];

/** A place on the real control plane for one sample company: namespaces that nobody else has. */
export class Cluster {
  /** What the names of the company's namespaces begin with. */
  readonly prefix = `slipway-${randomBytes(4).toString('hex')}-`;

  private readonly administrator = named('SLIPWAY_TEST_KUBECONFIG');

  /** How `slipway demo` is told to use it: with the role that the README says, not as administrator. */
  get arguments(): string[] {
    return [
      ...['--kubeconfig', named('SLIPWAY_TEST_KUBECONFIG_MINIMAL')],
      ...['--administrator', this.administrator],
      ...['--kubectl', kubectl()],
      ...['--namespace-prefix', this.prefix],
    ];
  }

  /** The kubeconfig of the role that the README says, as a person would paste it. */
  kubeconfig(): Promise<string> {
    return readFile(named('SLIPWAY_TEST_KUBECONFIG_MINIMAL'), 'utf8');
  }

  /** Makes Deployments that nobody knows yet in one of the namespaces, each of an image in two pods. */
  async create(environment: string, deployments: Record<string, string>): Promise<void> {
    await this.kubectl('create', 'namespace', this.prefix + environment);
    for (const [name, image] of Object.entries(deployments)) {
      await this.kubectl(
        ...['create', 'deployment', name, '--namespace', this.prefix + environment],
        ...['--image', image, '--replicas', '2'],
      );
    }
  }

  /** Changes an image as somebody with kubectl would. */
  async setImage(environment: string, name: string, container: string, image: string): Promise<void> {
    const namespace = this.prefix + environment;
    await this.kubectl('set', 'image', `deployment/${name}`, `${container}=${image}`, '--namespace', namespace);
  }

  /** What the cluster itself says about a Deployment. */
  async deployment(environment: string, name: string): Promise<Deployment> {
    const namespace = this.prefix + environment;
    return JSON.parse(await this.kubectl('get', 'deployment', name, '--namespace', namespace, '--output', 'json'));
  }

  /** Leaves nothing of the company behind. */
  async clear(): Promise<void> {
    const namespaces = environments.map(environment => this.prefix + environment);
    await this.kubectl('delete', 'namespace', '--ignore-not-found', '--wait=false', ...namespaces);
  }

  private async kubectl(...words: string[]): Promise<string> {
    const { stdout } = await run(kubectl(), ['--kubeconfig', this.administrator, ...words]);
    return stdout;
  }
}

/** What the tests look at. */
export interface Deployment {
  metadata: { annotations: Record<string, string> };
  spec: { template: { spec: { containers: { name: string; image: string }[] } } };
}

function named(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} names no kubeconfig: run \`cargo xtask test --only browser\``);
  return value;
}

/** The one that belongs to the control plane, else the person's own. */
function kubectl(): string {
  const folder = process.env.SLIPWAY_TEST_CONTROLPLANE_DIR;
  const own = folder && join(folder, 'kubectl');
  return own && existsSync(own) ? own : 'kubectl';
}
