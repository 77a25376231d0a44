/** The same shapes for every provider: a client that can draw these kinds can connect anything. */
export const stepKinds = [
  'redirect',
  'qr',
  'code',
  'phone',
  'approve',
  'captcha',
  'choose',
  'wait',
  'done',
  'failed',
] as const;
export type StepKind = (typeof stepKinds)[number];

/** How a step ended. */
export type StepOutcome = 'accepted' | 'refused' | 'unclear' | 'replaced';

export type CodeSource = 'sms' | 'app' | 'mail' | 'unknown';

/** May be secret (a QR code logs its reader in), so it is stored sealed. */
export type StepContent =
  /** `page`: the provider's page, where `url` is an address of ours that leads there. */
  | { kind: 'redirect'; url: string; page?: string }
  | { kind: 'qr'; text: string }
  | { kind: 'code'; source: CodeSource; length?: number }
  | { kind: 'phone' }
  | { kind: 'approve' }
  | { kind: 'captcha'; publicKey?: string; data?: string }
  | { kind: 'choose'; options: { id: string; label: string }[] }
  | { kind: 'wait'; for: string };

/** Kinds that end with an answer of the client. */
export const answerable: ReadonlySet<StepKind> = new Set(['code', 'phone', 'choose', 'captcha']);

/** Kinds that end outside Patchbay: the provider is polled, in case its webhook is lost. */
export const polled: ReadonlySet<StepKind> = new Set(['approve', 'wait', 'captcha']);

export function instructions(content: StepContent, again: boolean): string {
  switch (content.kind) {
    case 'redirect':
      return 'Open the link and log in there.';
    case 'qr':
      return 'On your phone open the app, go to linked devices, and scan the code before it expires.';
    case 'code': {
      const from: Record<CodeSource, string> = {
        sms: 'that was sent to you by SMS',
        app: 'from your authenticator app',
        mail: 'that was sent to you by mail',
        unknown: 'that the service sent you',
      };
      return `${again ? 'That code was not accepted. ' : ''}Enter the code ${from[content.source]}.`;
    }
    case 'phone':
      return `${again ? 'That number was not accepted. ' : ''}Enter your phone number with its country code, such as +33612345678.`;
    case 'approve':
      return 'Open the app on your phone and approve the login.';
    case 'captcha':
      return 'Solve the puzzle, then send its token as the answer.';
    case 'choose':
      return 'Choose one of the options.';
    case 'wait':
      return `Nothing to do: waiting for ${content.for}.`;
  }
}

/** What the timer of a step waits for: the step's end, or the next check of one that ends outside Patchbay. */
export function timerText(kind: StepKind | null): string {
  if (kind === null) return 'Until the login is checked';
  if (kind === 'qr') return 'Until the QR code lapses';
  if (polled.has(kind)) return `Until the step "${kind}" is checked at the provider`;
  return `Until the step "${kind}" expires`;
}

/** `replaced`: the step replaces one that lapsed. */
export function stepText(content: StepContent, replaced: boolean): string {
  switch (content.kind) {
    case 'redirect':
      return "The provider's login page waits for the owner.";
    case 'qr':
      return replaced ? 'The QR code lapsed and was replaced by a new one.' : 'A QR code waits to be scanned.';
    case 'code':
      return `A code is asked for${content.source === 'unknown' ? '' : ` (${content.source})`}.`;
    case 'phone':
      return 'A phone number is asked for.';
    case 'approve':
      return "The owner is asked to approve the login in the provider's app.";
    case 'captcha':
      return 'A captcha is to be solved.';
    case 'choose':
      return `A choice among ${content.options.length} options is asked for.`;
    case 'wait':
      return `Waiting for ${content.for}.`;
  }
}
