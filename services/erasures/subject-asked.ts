import { subjectOf, type Subject } from '../../domain/erasure.ts';
import { phoneIdentity } from '../../domain/identities.ts';
import { isSpelledAsPhone } from '../../domain/phone.ts';
import { phoneOrProblem } from '../contacts/phone-or-problem.ts';
import { Problem } from '../problem.ts';

/** A person as requests name one. */
export interface AskedPerson {
  phone?: string | undefined;
  jid?: string | undefined;
  lid?: string | undefined;
  identity?: string | undefined;
}

const kinds = { phone: 'jid', jid: 'jid', lid: 'lid', identity: 'id' } as const;

/** The one person that a request names; 422 where it names none, or in two ways. */
export function subjectAsked({ phone, jid, lid, identity }: AskedPerson): Subject {
  const given = Object.entries({ phone, jid, lid, identity }).filter(([, value]) => value !== undefined) as [
    keyof typeof kinds,
    string,
  ][];
  const [one] = given;
  if (!one || given.length > 1) throw new Problem('invalid_request', 'body: name one of phone, jid, lid and identity.');
  const [field, value] = one;
  if (field === 'phone' || (field === 'identity' && /^[+0(]/.test(value) && isSpelledAsPhone(value)))
    return phoneIdentity(phoneOrProblem(field, value));
  const subject = subjectOf(value) ?? (field === 'identity' ? { kind: 'id' as const, value } : null);
  if (field === 'identity' && subject) return subject;
  if (subject?.kind !== kinds[field]) throw new Problem('invalid_request', `${field}: not one.`);
  return subject;
}
