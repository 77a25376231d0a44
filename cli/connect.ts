import { createInterface, type Interface } from 'node:readline/promises';
import { Option, type Command } from 'commander';
import { Account } from '../db/entities/accounts.ts';
import { channelNames, methodNames, type Channel, type Method } from '../domain/channels.ts';
import { answerable } from '../domain/steps.ts';
import { newId } from '../platform/ids.ts';
import { installedProviders } from '../services/boot.ts';
import { answerStep, moveStep } from '../services/connections/answer-step.ts';
import { connectAccount, reconnectAccount } from '../services/connections/connect-account.ts';
import { disconnectAccount } from '../services/connections/disconnect-account.ts';
import { watchAttempt } from '../services/connections/read-attempt.ts';
import { stepJson, type StepJson } from '../services/connections/step-json.ts';
import type { Context } from '../services/context.ts';
import type { CallerRequest } from '../services/principal.ts';
import { Problem } from '../services/problem.ts';
import { drawQr } from './draw-qr.ts';
import { tenantOption } from './environment.ts';
import { print } from './print.ts';
import { tenantNamed, withContext } from './session.ts';
import { UsageError } from './usage.ts';

interface Common {
  tenant: string;
  json?: boolean;
}

interface ConnectOptions extends Common {
  owner: string;
  provider: string;
  method?: Method;
  label?: string;
  mergeAcrossOwners?: boolean;
  credential: Record<string, string>;
}

type ReconnectOptions = Common & Pick<ConnectOptions, 'credential' | 'mergeAcrossOwners'> & { force?: boolean };

/** How long one look at an attempt waits for its next step, in seconds. */
const waitSeconds = 50;

export function addConnect(program: Command): void {
  const [firstProvider = ''] = Object.keys(installedProviders);
  program
    .command('connect')
    .description('connect an account: draws its QR code, shows links, asks for codes')
    .argument('<channel>', channelNames.join(', '), oneOf(channelNames))
    .requiredOption('--owner <owner>', "the person's name in your system")
    .addOption(tenantOption())
    .addOption(new Option('--provider <provider>').choices(Object.keys(installedProviders)).default(firstProvider))
    .addOption(new Option('--method <method>', "by default the channel's first").choices(methodNames))
    .option('--credential <name=value>', 'what the login needs; without =value it is asked for', collect, {})
    .option('--label <text>', 'a name for the account')
    .addOption(mergeOption())
    .option('--json', 'for machines: a line of JSON for each step, and one for the account')
    .action((channel: Channel, options: ConnectOptions) =>
      follow(options, async (request, prompt) => {
        const { owner, provider, method, label, mergeAcrossOwners: merge_across_owners } = options;
        const credentials = await filled(options.credential, prompt);
        const given = { provider, channel, owner, method, label, merge_across_owners, credentials };
        return (await connectAccount(request, given)).account.id;
      }),
    );
  program
    .command('reconnect')
    .description('log an account in again; its data is kept')
    .argument('<id>', "the account's id")
    .addOption(tenantOption())
    .option('--credential <name=value>', 'a new value of the login; without =value it is asked for', collect, {})
    .addOption(mergeOption())
    .option('--force', 'replace a login that runs, and log in again although the account works')
    .option('--json', 'for machines: a line of JSON for each step, and one for the account')
    .action((id: string, options: ReconnectOptions) =>
      follow(options, async (request, prompt) => {
        const { force, mergeAcrossOwners: merge_across_owners } = options;
        const credentials = await filled(options.credential, prompt);
        const given = { ...(Object.keys(credentials).length ? { credentials } : {}), force, merge_across_owners };
        return (await reconnectAccount(request, id, given)).account.id;
      }),
    );
  program
    .command('disconnect')
    .description('end the login of an account at its provider')
    .argument('<id>', "the account's id")
    .addOption(tenantOption())
    .option('--purge', 'also delete what is stored of the account')
    .option('--json', 'for machines: a line of JSON for each step, and one for the account')
    .action((id: string, options: Common & { purge?: boolean }) =>
      follow(options, async (request) => {
        const { account, deleted } = await disconnectAccount(request, id, options.purge ?? false);
        return deleted ? { deleted: account.id } : account.id;
      }),
    );
}

const mergeOption = (): Option =>
  new Option(
    '--merge-across-owners',
    'where the identity is connected for another owner: merge the login into that account; by default it fails',
  );

const oneOf =
  <T extends string>(names: readonly T[]) =>
  (text: string): T => {
    const name = names.find((one) => one === text);
    if (!name) throw new UsageError(`${text} is none of ${names.join(', ')}`);
    return name;
  };

/** Without a value: to be asked for, so that a password stands in no list of processes. */
function collect(text: string, before: Record<string, string>): Record<string, string> {
  const [name = '', ...value] = text.split('=');
  if (!name) throw new UsageError('--credential takes name=value');
  return { ...before, [name]: value.join('=') };
}

async function filled(credentials: Record<string, string>, prompt: Prompt): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(credentials)) all[name] = value === '' ? await prompt(name) : value;
  return all;
}

type Prompt = (question: string) => Promise<string>;

/**
 * Begins an operation on an account and shows its steps until it has ended. The exit code is 1 where it did not succeed.
 */
async function follow(
  options: Common,
  begin: (request: CallerRequest, prompt: Prompt) => Promise<string | { deleted: string }>,
): Promise<void> {
  const input = createInterface({ input: process.stdin, output: process.stderr });
  const gone = new AbortController();
  input.once('SIGINT', () => gone.abort());
  try {
    await withContext(async (context) => {
      const { id: tenantId } = await tenantNamed(context.db, options.tenant);
      const principal = { tenantId, keyId: newId(), scopes: ['read', 'write'] as const };
      const request = (): CallerRequest => ({ context, principal, operationId: newId() });
      const accountId = await begin(request(), (question) => input.question(`${question}: `));
      if (typeof accountId !== 'string')
        return print(accountId, options, ({ deleted }) => `The failed login ${deleted} is deleted.`);
      const succeeded = await showSteps(context, request, accountId, options, input, gone.signal);
      const account = await context.db.tenant(tenantId, (em) => em.findOneOrFail(Account, { id: accountId }));
      print(resultOf(account), options, ({ id, state, reason }) =>
        [`Account ${id} is ${state}`, reason ? `: ${reason}.` : '.'].join(''),
      );
      if (!succeeded) process.exitCode = 1;
    });
  } finally {
    input.close();
  }
}

const resultOf = ({ id, state, reason, who, identity }: Account) => ({ id, state, reason, who, identity });

/** Answers whether the attempt succeeded. */
async function showSteps(
  context: Context,
  request: () => CallerRequest,
  accountId: string,
  options: Common,
  input: Interface,
  gone: AbortSignal,
): Promise<boolean> {
  const { principal } = request();
  const keys = await context.vault.keysOf(context.db, principal.tenantId);
  for (let after: string | undefined; ;) {
    const { attempt, step } = await watchAttempt(context, principal, accountId, { after, wait: waitSeconds }, gone);
    gone.throwIfAborted();
    if (attempt.state !== 'running') return attempt.state === 'succeeded';
    const shown = step?.id ?? attempt.id;
    const view = stepJson({ keys, publicUrl: context.publicUrl, now: context.clock.now() }, attempt, step);
    if (view.id === step?.id && shown !== after) {
      print(view, options, drawn);
      if (answerable.has(view.kind))
        try {
          await answer({ ...request(), accountId, stepId: shown }, await input.question('> ', { signal: gone }));
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          process.stderr.write(`${error.message}\n`);
          continue;
        }
    }
    after = shown;
  }
}

/** `resend` and `another way` in place of an answer do that. */
async function answer(call: Parameters<typeof answerStep>[0], text: string): Promise<void> {
  if (text.trim() === 'resend') await moveStep(call, 'resend');
  else if (text.trim() === 'another way') await moveStep(call, 'another_way');
  else await answerStep(call, text);
}

function drawn(step: StepJson): string {
  const lines = [step.instructions];
  if (step.kind === 'redirect') lines.push(step.url);
  if (step.kind === 'qr') lines.push(drawQr(step.text));
  if (step.kind === 'choose') lines.push(...step.options.map(({ id, label }) => `  ${id}  ${label}`));
  const ways = [...(step.can_resend ? ['resend'] : []), ...(step.can_try_another_way ? ['another way'] : [])];
  if (answerable.has(step.kind) && ways.length) lines.push(`Or type: ${ways.join(', ')}.`);
  return lines.join('\n');
}
