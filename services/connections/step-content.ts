import type { ConnectionStep } from '../../db/entities/attempts.ts';
import { sealed } from '../../db/sealed.ts';
import type { StepContent } from '../../domain/steps.ts';
import type { Keyset } from '../../platform/keyset.ts';

/** What a step asks; null once it has ended, and for the last step of an attempt. */
export const contentOf = (keys: Keyset, step: ConnectionStep): StepContent | null =>
  step.content === null ? null : (JSON.parse(keys.open(step.content, sealed.stepContent(step.id))) as StepContent);
