/** The JMeter of this machine, and a small program that behaves as one where there is none. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { versionOf } from '../../services/jmeter-service/jmeter-runner.ts';

/** The program, or undefined where there is none that works. */
export async function realJmeter(): Promise<string | undefined> {
  const program = process.env['JMETER'] || 'jmeter';
  return 'version' in (await versionOf(program)) ? program : undefined;
}

/**
 * Takes JMeter's arguments, asks CHECK_PATH for each user and loop, and writes what came as a JTL. A plan in which
 * `crash`, `silent` or `hang` stands makes it do that.
 */
export async function standInJmeter(folder: string): Promise<string> {
  const program = join(folder, 'jmeter');
  const code = `#!${process.execPath}
    const { spawn } = require('node:child_process');
    const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
    const args = process.argv.slice(2);
    if (args[0] === '--version') { console.log('JMeter 5.0'); process.exit(0); }
    const after = (name) => args[args.indexOf(name) + 1];
    const property = (name) => args.find((arg) => arg.startsWith('-J' + name + '=')).slice(name.length + 3);
    const plan = readFileSync(after('-t'), 'utf8');
    const line = (...fields) => appendFileSync(after('-l'), fields.join(',') + '\\n');
    if (!args.includes('-n')) throw new Error('no -n');
    (async () => {
      if (plan.includes('crash')) { console.error('Error in NonGUIDriver: out of heap'); process.exit(1); }
      if (plan.includes('silent')) return;
      if (plan.includes('hang')) {
        const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
        writeFileSync(property('PIDS'), process.pid + ' ' + child.pid);
        return setInterval(() => {}, 1000);
      }
      line('timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,URL');
      const url = property('PROTOCOL') + '://' + property('SERVER_URL') + ':' + property('SERVER_PORT') + property('CHECK_PATH');
      for (let n = 0; n < property('VUCount') * property('LoopCount'); n += 1) {
        const begun = Date.now();
        const { status } = await fetch(url, { headers: { 'x-dynatrace-test': property('DT_LTN') } });
        const why = status === 200 ? '' : '"expected 200,\\nand ""' + status + '"" came"';
        line(begun, Date.now() - begun, 'health', status, 'said', 'Users 1-1', 'text', status === 200, why, 2, url);
      }
    })();
  `;
  await writeFile(program, code, { mode: 0o755 });
  return program;
}
