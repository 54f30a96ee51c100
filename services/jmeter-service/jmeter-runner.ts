/** Runs the program JMeter, without a window, in a folder and a process group of its own. */
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode, messageOf, Terminal } from '../../lib/errors/classes.ts';
import { elementsOf } from './http/elements.ts';
import { samplesIn } from './jtl.ts';
import { Measurements } from './measure.ts';
import type { Measured, Run, Runner } from './runner.ts';

/** Of what the program says, for the message when it fails. */
const SAID = 4_000;
const OLDEST_VERSION = 3;

export function jmeterRunner(program: string): Runner {
  return { run: (run) => runJmeter(program, run) };
}

/** Its version, or why it is of no use. */
export async function versionOf(program: string): Promise<{ version: string } | { problem: string }> {
  try {
    const { code, said } = await execute(program, ['--version'], tmpdir(), AbortSignal.timeout(30_000));
    const [version, major] = /\b(\d+)\.\d+(?:\.\d+)?\b/.exec(said) ?? [];
    if (code !== 0 || version === undefined) return { problem: `${program} --version failed: ${whatItSaid(said)}` };
    // Debian's 2.13 starts, and fails at every plan.
    if (Number(major) < OLDEST_VERSION) return { problem: `JMeter ${version} is too old` };
    return { version };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

async function runJmeter(program: string, { plan, properties, reportFile, progress, signal }: Run): Promise<Measured> {
  // JMeter's own words for what is no plan name the line of its program.
  elementsOf(plan);
  const folder = await mkdtemp(join(tmpdir(), 'keptn-jmeter-'));
  try {
    await writeFile(join(folder, 'plan.jmx'), plan);
    const result = join(folder, 'result.jtl');
    const settings = {
      'jmeter.save.saveservice.output_format': 'csv',
      'jmeter.save.saveservice.print_field_names': 'true',
      'jmeter.save.saveservice.timestamp_format': 'ms',
      'jmeter.save.saveservice.default_delimiter': ',',
      // Each redirect would count as a request, as it does not in JMeter's own summary.
      'jmeter.save.saveservice.subresults': 'false',
      // Else each run listens on a port for orders to stop.
      'jmeterengine.nongui.port': '0',
      ...properties,
    };
    const given = Object.entries(settings).map(([name, value]) => `-J${name}=${value}`);
    const args = ['-n', '-t', 'plan.jmx', '-l', 'result.jtl', '-j', 'jmeter.log', ...given];
    const { code, said } = await execute(program, args, folder, signal);
    const measured = await measuredIn(result);
    if (code !== 0) throw new Terminal('Rejected', `ended with ${code}: ${whatItSaid(said)}`);
    if (measured.report.requests === 0) throw new Terminal('Rejected', `made no request: ${whatItSaid(said)}`);
    if (reportFile !== undefined) {
      await copyFile(result, reportFile).catch((error: unknown) => progress(`no report is kept: ${messageOf(error)}`));
    }
    return measured;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measuredIn(file: string): Promise<Measured> {
  const measurements = new Measurements();
  try {
    for await (const sample of samplesIn(file)) measurements.add(sample);
  } catch (error) {
    // It may have ended before it wrote anything.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  return { report: measurements.report('jmeter'), firstFailure: measurements.firstFailure };
}

interface Ended {
  /** 0, a code, or the name of a signal. */
  code: number | string;
  said: string;
}

/** Rejects with `Terminal` when it cannot be started; kills it with all that it has started when the signal aborts. */
async function execute(program: string, args: string[], cwd: string, signal: AbortSignal): Promise<Ended> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const child = spawn(program, args, { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const hear = (chunk: Buffer): void => void (said = `${said}${chunk.toString()}`.slice(-SAID));
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.once('error', (error) =>
    reject(new Terminal('Rejected', `cannot be started (${error.message}): is it installed?`)),
  );
  child.once('close', (code, name) => resolve({ code: code ?? name ?? 'no code', said }));
  const kill = (): void => {
    // The script that starts JMeter is a parent of the one that works.
    if (child.pid !== undefined) killGroup(child.pid);
  };
  signal.addEventListener('abort', kill);
  try {
    const ended = await promise;
    signal.throwIfAborted();
    return ended;
  } finally {
    signal.removeEventListener('abort', kill);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** The first two that name an error, else the last. */
function whatItSaid(said: string): string {
  const lines = said.split('\n').map((line) => line.trim());
  const telling = lines.filter((line) => line !== '' && !line.startsWith('... end of run'));
  const errors = telling.filter((line) => /error|exception|problem|cannot|could not/i.test(line));
  const told = errors.length > 0 ? errors.slice(0, 2).join(' ') : telling.at(-1);
  return (told ?? 'it said nothing').slice(0, 300);
}
