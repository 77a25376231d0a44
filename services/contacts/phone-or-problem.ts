import { toE164 } from '../../domain/phone.ts';
import { Problem } from '../problem.ts';

/** A number as E.164, however it is spaced; 422 for what is none, named by the field `place`. */
export function phoneOrProblem(place: string, text: string): string {
  const given = /^[+\d\s().\-/\u00a0]+$/.test(text) ? text.replace('(0)', '').trim() : '';
  const phone = toE164(given.replace(/^00/, ''));
  // A number as it is dialled at home would be somebody else's abroad.
  if (phone && !phone.startsWith('+0')) return phone;
  throw new Problem('invalid_request', `${place}: is no phone number.`, {
    fix: 'Give the whole number with its country code, such as +33639980001.',
  });
}
