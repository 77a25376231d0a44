import { phoneHelp, readPhone } from '../../domain/phone.ts';
import { Problem } from '../problem.ts';

/** A number as E.164, however it is spaced; 422 for what is none, named by the field `place`. */
export function phoneOrProblem(place: string, text: string): string {
  const phone = readPhone(text);
  if (phone) return phone;
  throw new Problem('invalid_request', `${place}: is no phone number with its country code.`, { fix: phoneHelp });
}
