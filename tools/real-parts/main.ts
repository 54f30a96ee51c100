/**
 * `npm run real-parts -- [name …]`: builds or finds the named parts and prints where they are; without names, or with
 * --list, lists all; with --all builds what is missing and says nothing else.
 */
import { messageOf } from '../../lib/errors/classes.ts';
import { find, locate } from './locate.ts';
import { parts, type PartName } from './parts.ts';

const isPart = (name: string): name is PartName => parts.some((part) => part.name === name);

const names = process.argv.slice(2).filter((argument) => argument !== '--list' && argument !== '--all');
const unknown = names.filter((name) => !isPart(name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${parts.map((part) => part.name).join(', ')}`);
  process.exit(2);
}
const all = process.argv.includes('--all');
if ((names.length === 0 && !all) || process.argv.includes('--list')) {
  console.table(
    parts.map(({ name, version, override }) => ({
      part: name,
      version,
      'is given by': override,
      where: find(name) ?? 'not built yet',
    })),
  );
}
try {
  if (all) for (const part of parts) await locate(part.name);
  else if (!process.argv.includes('--list'))
    for (const name of names.filter(isPart)) console.log(`${name}\t${await locate(name)}`);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
