import { z } from 'zod';
import { ProviderFailure } from '../../domain/failures.ts';
import type { CodeSource, StepContent } from '../../domain/steps.ts';
import type { LoginProgress } from '../provider.ts';

/** UniPile v1 does not state how long its QR text lives; WhatsApp's own codes live about a minute. */
const qrLifetimeMs = 60_000;
/** An authentication attempt lives five minutes (UniPile v1, native authentication). */
const authenticationMs = 5 * 60_000;

const answerShape = z.looseObject({ object: z.string(), account_id: z.string().min(1) });
const text = z.string().optional().catch(undefined);
const option = z
  .object({ id: z.string().min(1), name: text })
  .nullable()
  .catch(null);
/** Every part is optional: the account's id counts even where its checkpoint cannot be read. */
const checkpointShape = z
  .object({
    type: z.string().catch(''),
    qrcode: text,
    source: text,
    public_key: text,
    data: text,
    contract_options: z.array(option).catch([]),
  })
  .catch({ type: '', contract_options: [] });

/** What a login call answered, as a step. Branches on `object`: a pending checkpoint is a 2xx too. */
export function progressFrom(body: unknown, now: number): LoginProgress {
  const parsed = answerShape.safeParse(body);
  if (!parsed.success)
    throw new ProviderFailure('provider_unavailable', 'UniPile answered a login in an unknown shape.', {
      effect: 'unknown',
    });
  const { object, account_id: providerAccountId } = parsed.data;
  if (object.toLowerCase() !== 'checkpoint') return { providerAccountId, next: { linked: true } };
  const content = contentOf(checkpointShape.parse(parsed.data.checkpoint));
  const asksCode = content.kind === 'code';
  return {
    providerAccountId,
    next: {
      linked: false,
      content,
      expiresAt: now + (content.kind === 'qr' ? qrLifetimeMs : authenticationMs),
      canResend: asksCode || content.kind === 'approve',
      canTryAnotherWay: asksCode || content.kind === 'approve',
    },
  };
}

/** For unknown kinds of checkpoints: most end on the owner's device. */
const onDevice: StepContent = { kind: 'wait', for: 'you to finish the login in the app' };

function contentOf(checkpoint: z.infer<typeof checkpointShape>): StepContent {
  const sources: Record<string, CodeSource> = { SMS: 'sms', APP: 'app' };
  switch (checkpoint.type.toUpperCase()) {
    case 'QRCODE':
      return checkpoint.qrcode ? { kind: 'qr', text: checkpoint.qrcode } : onDevice;
    case '2FA':
      return { kind: 'code', source: sources[checkpoint.source?.toUpperCase() ?? ''] ?? 'unknown' };
    case 'OTP':
      return { kind: 'code', source: 'unknown' };
    case 'PHONE_REGISTER':
      return { kind: 'phone' };
    case 'IN_APP_VALIDATION':
      return { kind: 'approve' };
    case 'CAPTCHA':
      return { kind: 'captcha', publicKey: checkpoint.public_key, data: checkpoint.data };
    case 'CONTRACT_CHOOSER':
      return {
        kind: 'choose',
        options: checkpoint.contract_options.flatMap((one) => (one ? { id: one.id, label: one.name ?? one.id } : [])),
      };
    default:
      return onDevice;
  }
}
