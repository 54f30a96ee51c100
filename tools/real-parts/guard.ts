/**
 * Ends the parts when this process is gone, however it went: an exit handler does not run on SIGKILL, on SIGTERM or in
 * a crash of Node itself. A small shell holds the other end of a pipe; when the pipe closes it kills what is left and
 * removes the temporary folders. One shell a process, started with the first part.
 */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

const script = `
pids=' '
folders=''
while read -r what value; do
  case "$what" in
    started) pids="$pids$value " ;;
    ended) pids=$(printf %s "$pids" | sed "s/ $value / /") ;;
    folder) folders="$folders$value
" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
printf %s "$folders" | while read -r folder; do rm -rf -- "$folder"; done
`;

let pipe: Writable | undefined;

function tell(line: string): void {
  if (!pipe) {
    // In a session of its own, so that the Ctrl-C which ends us does not end it first.
    const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    shell.unref();
    shell.once('error', () => undefined);
    shell.stdin.once('error', () => undefined);
    if (shell.stdin instanceof Socket) shell.stdin.unref();
    pipe = shell.stdin;
  }
  pipe.write(`${line}\n`);
}

export const guardProcess = (pid: number): void => tell(`started ${pid}`);
/** Its number may be another process's from now on. */
export const releaseProcess = (pid: number): void => tell(`ended ${pid}`);
/** A temporary folder that nobody needs after this process. */
export function guardFolder(folder: string): void {
  if (!folder.includes('\n')) tell(`folder ${folder}`);
}
