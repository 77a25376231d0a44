import { z } from 'zod';
import { canonicalText, cleanText } from '../../domain/text.ts';

/** A text that people read, of 1 to `longest` characters after what shows nothing around it. */
export const shownText = (longest: number) =>
  z
    .string()
    .overwrite((text) => cleanText(text) ?? '')
    .min(1)
    .max(longest);

/** A caller's own reference: any text, where one spelling of a letter is as good as another. */
export const reference = z.string().overwrite(canonicalText);
