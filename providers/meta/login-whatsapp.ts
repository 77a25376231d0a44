import { ProviderFailure } from '../../domain/failures.ts';
import type { AccountKeys } from '../../domain/accounts.ts';
import { toE164 } from '../../domain/phone.ts';
import type { JsonObject } from '../json-object.ts';
import type { LoginInput, LoginProgress, ProviderCall, ProviderSettings } from '../provider.ts';
import { idIn, nameIn, textIn } from '../shared/told-values.ts';
import { everyItem, type GraphCall } from './client.ts';
import { isGraphError } from './errors.ts';
import { segment } from './ids.ts';
import { choiceOf, choose, chosen, type Choice } from './login-choice.ts';
import { notValid, requireOwnApp } from './login-token.ts';
import { lackingScopes, notesOf } from './scopes.ts';
import { inspectToken } from './token-info.ts';

export const numberFields = [
  'id',
  'display_phone_number',
  'verified_name',
  'status',
  'quality_rating',
  'code_verification_status',
  'name_status',
  'platform_type',
  'throughput',
  'account_mode',
  'whatsapp_business_manager_messaging_limit',
].join(',');

interface Given {
  token: string;
  business: string;
  numberId: string | null;
}

/** What a login brings; the settings stand in for what it does not. A named number is not that of another account. */
function givenIn({ credentials }: LoginInput, settings: ProviderSettings): Given {
  const [token, business, number] = (['access_token', 'business_account_id', 'phone_number_id'] as const).map((name) =>
    textIn(credentials[name]),
  );
  const isOwnAccount = !business || business === settings.whatsapp_business_account_id;
  const ofSettings = isOwnAccount && !token ? settings.whatsapp_phone_number_id : null;
  return {
    token: token ?? settings.whatsapp_access_token ?? '',
    business: business ?? settings.whatsapp_business_account_id ?? '',
    numberId: number ?? ofSettings ?? null,
  };
}

/** Connects a number of a WhatsApp business account. Both ids are checked: the number is one of the account's. */
export async function beginWithNumber(call: ProviderCall, input: LoginInput): Promise<LoginProgress> {
  const { token, business, numberId } = givenIn(input, call.settings);
  if (!token)
    throw new ProviderFailure('wrong_token', 'access_token is missing, and WHATSAPP_ACCESS_TOKEN is not set.');
  if (!business)
    throw new ProviderFailure(
      'wrong_token',
      'business_account_id is missing, and WHATSAPP_BUSINESS_ACCOUNT_ID is not set.',
    );
  const info = await inspectToken(call, token);
  if (!info.isValid) throw notValid(info);
  requireOwnApp(call, info);
  const lacking = lackingScopes('whatsapp', 'facebook', info.scopes);
  if (lacking.length) throw new ProviderFailure('permission_missing', `The access token lacks: ${lacking.join(', ')}.`);
  const keys: AccountKeys = {
    apiKey: token,
    business,
    scopes: info.scopes,
    expiresAt: info.expiresAt ?? undefined,
  };
  const choices = await numbersOf({ ...call, keys, providerAccountId: null });
  const named = call.providerAccountId ?? numberId;
  const wanted = named === null ? choices : choices.filter(({ id }) => id === named);
  if (!wanted.length)
    throw new ProviderFailure(
      'wrong_token',
      named === null
        ? 'The WhatsApp business account has no phone number.'
        : `The phone number ${named} is none of the WhatsApp business account ${business}.`,
    );
  return choose(call, { input, choices: wanted, keys, groups: groupsOf(business), link: linkOf(keys, business) });
}

/** The owner has chosen a number. */
export async function linkChosenNumber(call: ProviderCall, answer: string): Promise<LoginProgress> {
  const { keys } = call;
  if (!keys?.apiKey || !keys.business)
    throw new ProviderFailure('checkpoint_expired', 'The token that the choice needs is gone.');
  return linkOf(keys, keys.business)(chosen(await numbersOf(call), answer));
}

const groupsOf = (business: string): string[] => [`waba:${business}`];

const linkOf =
  (keys: AccountKeys, business: string) =>
  ({ id }: Choice<JsonObject>): LoginProgress => ({
    providerAccountId: id,
    keys,
    groups: groupsOf(business),
    notes: notesOf('whatsapp', 'facebook', keys.scopes ?? null),
    next: { linked: true },
  });

/** The numbers of the keys' WhatsApp business account. Throws `wrong_token` where the token does not reach it. */
export async function numbersOf(call: GraphCall): Promise<Choice<JsonObject>[]> {
  const found: Choice<JsonObject>[] = [];
  const path = `/${segment(call.keys?.business ?? null)}/phone_numbers`;
  try {
    for await (const item of everyItem(call, path, { query: { fields: numberFields, limit: '100' } })) {
      const id = idIn(item['id']);
      if (id) found.push(choiceOf(id, labelOf(item, id), item));
    }
  } catch (error) {
    if (!isGraphError(error, 100, 803, 10, 200)) throw error;
    throw new ProviderFailure('wrong_token', 'The access token does not reach the WhatsApp business account.');
  }
  return found;
}

function labelOf(item: JsonObject, id: string): string {
  const number = toE164(textIn(item['display_phone_number'])) ?? id;
  const name = nameIn(item['verified_name']);
  return name ? `${number} (${name})` : number;
}
