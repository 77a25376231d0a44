import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../../cli/program.ts';
import { failures } from '../../domain/failures.ts';
import { readCompose } from './compose-file.ts';
import { project } from './role-process.ts';

const folder = join(project, 'docs');
const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((one) => one.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
const page = (name: string): string => pages.find((one) => one.name === name)?.text ?? '';
/** Inline code, and the lines of code blocks. */
const codeOf = (text: string): string[] => [
  ...[...text.matchAll(/```\w*\n(.*?)```/gs)].flatMap(([, block = '']) => block.split('\n')),
  ...[...text.replace(/```.*?```/gs, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replace(/\s+/g, ' ')),
];

/** Every command as its words, such as `keys create`. */
const commands = (command: Command, before: string[] = []): string[] =>
  command.commands.flatMap((one) => {
    const words = [...before, one.name()];
    return [words.join(' '), ...commands(one, words)];
  });

describe('the documentation', () => {
  it('is listed in its index', () => {
    const listed = [...page('README.md').matchAll(/\]\(([\w/-]+\.md)\)/g)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(pages.map(({ name }) => name).filter((name) => name !== 'README.md')));
  });

  it('links to files that exist', () => {
    const links = pages.flatMap(({ name, text }) =>
      [...text.matchAll(/\]\(([^)#:]+)(?:#[\w-]+)?\)/g)].map(([, to = '']) => join(folder, dirname(name), to)),
    );
    expect(links.filter((to) => !existsSync(to))).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const named = pages
      .flatMap(({ text }) => codeOf(text))
      .filter((code) => /^(\w[\w.-]*\/)+[\w.-]*$/.test(code) && existsSync(join(project, code.split('/')[0] ?? '')));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(join(project, path)))).toEqual([]);
  });

  it('says of every failure code who must act, and what to do', () => {
    const said = page('integrate.md').replace(/ +/g, ' ');
    const rows = Object.entries(failures).map(([code, { who, whatToDo }]) => `| \`${code}\` | ${who} | ${whatToDo} |`);
    expect(rows.filter((row) => !said.includes(row))).toEqual([]);
  });

  it('names tests that exist, for every guarantee', () => {
    const rows = page('guarantees.md')
      .split('\n')
      .filter((line) => line.startsWith('| ') && line.includes('test/'));
    expect(rows.length).toBeGreaterThan(10);
    const missing = rows.flatMap((row) =>
      row
        .split('`test/')
        .slice(1)
        .flatMap((part) => {
          const file = `test/${part.slice(0, part.indexOf('`'))}`;
          const text = readFileSync(join(project, file), 'utf8');
          const titles = [...part.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title);
          return titles.length
            ? titles.filter((title) => !text.includes(title)).map((title) => `${file}: ${title}`)
            : [file];
        }),
    );
    expect(missing).toEqual([]);
  });

  it('uses commands that the patchbay command has', () => {
    const known = new Set(commands(createProgram()));
    const used = pages
      .flatMap(({ text }) => codeOf(text))
      .flatMap((code) => [...code.matchAll(/(?:^|\s)patchbay ([a-z]+(?: [a-z]+)?)/g)].map(([, words = '']) => words));
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((words) => !known.has(words) && !known.has(words.split(' ')[0] ?? ''))).toEqual([]);
    const groups = new Set([...known].filter((one) => one.includes(' ')).map((one) => one.split(' ')[0]));
    expect(used.filter((words) => groups.has(words.split(' ')[0]) && !known.has(words))).toEqual([]);
  });

  it('uses services that docker-compose.yml has', () => {
    const services = Object.keys(readCompose());
    const used = pages.flatMap(({ text }) => [
      ...text.matchAll(/docker compose (?:exec(?: -T)?|run --rm --no-deps) ([\w-]+)/g),
    ]);
    expect(used.length).toBeGreaterThan(3);
    expect(used.map(([, name = '']) => name).filter((name) => !services.includes(name))).toEqual([]);
  });

  it('names settings that exist', () => {
    const known = ['platform/config.ts', 'docker-compose.yml', '.env.example', 'docs/reference.md']
      .map((file) => readFileSync(join(project, file), 'utf8'))
      .join('\n');
    const named = pages
      .flatMap(({ text }) => codeOf(text))
      .flatMap((code) => code.match(/^[A-Z]+(?:_[A-Z]+)+(?==|$)/) ?? []);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(known))).toEqual([]);
  });
});
