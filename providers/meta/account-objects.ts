import { asObject, type JsonObject } from '../json-object.ts';
import type { ProviderCall } from '../provider.ts';
import { textIn } from '../shared/told-values.ts';
import { graph } from './client.ts';
import { hostOf, nodeOf, segment } from './ids.ts';
import { profileFields } from './login-instagram.ts';
import { numberFields } from './login-whatsapp.ts';

const pageFields = 'id,name,username,category,link';
const linkedFields = 'id,name,instagram_business_account{id,username,name,profile_picture_url}';

/** The object at Meta that an account is: a Page, a Page with its Instagram account, an Instagram account, or a number. */
export function accountObject(call: ProviderCall): Promise<JsonObject> {
  const node = `/${segment(nodeOf(call))}`;
  if (hostOf(call) === 'instagram') return graph(call, 'GET', '/me', { query: { fields: profileFields } });
  const fields = { whatsapp: numberFields, instagram: linkedFields };
  return graph(call, 'GET', node, {
    query: { fields: call.channel === 'whatsapp' || call.channel === 'instagram' ? fields[call.channel] : pageFields },
  });
}

/** The Instagram account in the object of an Instagram account, whichever login it has. */
export const instagramIn = (object: JsonObject | null): JsonObject | null =>
  object && (asObject(object['instagram_business_account']) ?? (textIn(object['user_id']) ? object : null));
