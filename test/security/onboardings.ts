import { randomBytes } from 'node:crypto';
import type { Control } from '../support/control.ts';
import type { Canary } from './search.ts';

/** Every answer of the API, for the search. */
export interface Recorder {
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: any }>;
  /** Status, headers and body, refusals apart. */
  problems: string[];
  successes: string[];
}

export function createRecorder(url: string, key: string): Recorder {
  const recorder: Recorder = {
    problems: [],
    successes: [],
    async call(method, path, body, headers = {}) {
      const response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      // Not its address, which may be the canary's own.
      const whole = `${response.status} ${JSON.stringify([...response.headers])} ${text}`;
      (response.ok ? recorder.successes : recorder.problems).push(whole);
      return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
    },
  };
  return recorder;
}

const mark = (): string => randomBytes(9).toString('hex');

/** Unique to a run: no other place on the machine holds them. */
export function createCanaries() {
  const secret = (name: string): Canary => ({ name, value: `cn-"${mark()}" /${name}` });
  const word = (name: string): Canary => ({ name, value: `cn${name}${mark()}` });
  const digits = (): string => String(10_000_000 + (randomBytes(4).readUInt32BE() % 89_999_999));
  return {
    secrets: {
      providerToken: word('token'),
      password: secret('password'),
      otherPassword: secret('password again'),
      imapPassword: secret('imap password'),
      smtpPassword: secret('smtp password'),
      cookie: secret('cookie'),
      premiumCookie: secret('premium cookie'),
      session: secret('session'),
      proxyUser: secret('proxy user'),
      proxyPassword: secret('proxy password'),
      wrongCode: secret('wrong code'),
      rightCode: secret('right code'),
      captcha: secret('captcha'),
      metaToken: word('meta'),
      oauthCode: word('code'),
    },
    personal: {
      username: word('user'),
      mailUser: word('mail'),
      displayName: { name: 'display name', value: `Zoë "${mark()}" Ñandú` },
      owner: { name: 'owner', value: `maya.${mark()}@owner.example` },
      label: { name: 'label', value: `Maya's phone ${mark()}` },
      userAgent: { name: 'user agent', value: `Mozilla/5.0 (${mark()})` },
      messageText: { name: 'message text', value: `See you at ${mark()} – bring “tea”` },
      sender: { name: 'sender', value: `Ünal ${mark()}` },
      /** The last eight digits, contained in every spelling of the number. */
      scannedPhone: { name: 'scanned phone', value: `6${digits()}` },
      pairingPhone: { name: 'pairing phone', value: `7${digits()}` },
      askedPhone: { name: 'asked phone', value: `6${digits()}` },
    },
  };
}
export type Canaries = ReturnType<typeof createCanaries>;

interface Onboarding {
  body: Record<string, unknown>;
  /** In turn; the last one repeats. */
  codes?: string[];
}

/** One login per way in which a secret or a personal field reaches Patchbay. */
export function onboardings({ secrets, personal }: Canaries): Record<string, Onboarding> {
  const common = { provider: 'unipile', owner: personal.owner.value, label: personal.label.value };
  const user = (scenario: string): string => `${scenario}+${personal.username.value}@canary.example`;
  const password = secrets.password.value;
  const proxy = {
    host: '127.0.0.1',
    port: 9,
    username: secrets.proxyUser.value,
    password: secrets.proxyPassword.value,
  };
  const codes = [secrets.wrongCode.value, secrets.rightCode.value];
  const linkedin = { ...common, channel: 'linkedin' };
  const instagram = { ...common, channel: 'instagram' };
  const options = { proxy, user_agent: personal.userAgent.value };
  return {
    qr: { body: { ...common, channel: 'whatsapp', metadata: { note: personal.owner.value } } },
    pairing: {
      body: {
        ...common,
        channel: 'whatsapp',
        credentials: { pairing_phone_number: `+33${personal.pairingPhone.value}` },
      },
    },
    '2fa': { body: { ...linkedin, credentials: { username: user('2fa'), password, ...options } }, codes },
    two: { body: { ...linkedin, credentials: { username: user('two'), password } }, codes },
    phone: { body: { ...instagram, credentials: { username: user('phone'), password } }, codes },
    captcha: {
      body: { ...instagram, credentials: { username: user('captcha'), password } },
      codes: [secrets.captcha.value],
    },
    approve: { body: { ...linkedin, credentials: { username: user('approve'), password } } },
    cookie: {
      body: {
        ...linkedin,
        credentials: { access_token: secrets.cookie.value, premium_token: secrets.premiumCookie.value, ...options },
      },
    },
    session: { body: { ...instagram, credentials: { sessionid: secrets.session.value } } },
    mail: {
      body: {
        ...common,
        channel: 'mail',
        credentials: {
          imap_user: `${personal.mailUser.value}@canary.example`,
          imap_password: secrets.imapPassword.value,
          imap_host: 'imap.canary.example',
          imap_port: 993,
          smtp_user: `${personal.mailUser.value}@canary.example`,
          smtp_password: secrets.smtpPassword.value,
          smtp_host: 'smtp.canary.example',
          smtp_port: 465,
        },
      },
    },
    refused: { body: { ...linkedin, credentials: { username: user('wrong-password'), password } } },
  };
}

/** Acts as the owner until the account's newest attempt has ended; returns its outcome. */
export async function answerSteps(
  { call }: Recorder,
  control: Control,
  id: string,
  { personal }: Canaries,
  codes: string[] = [],
  withinMs = 100_000,
): Promise<{ state: string; reason: string | null }> {
  const end = Date.now() + withinMs;
  const left = [...codes];
  let last: unknown;
  while (Date.now() < end) {
    const { body: attempt } = await call('GET', `/api/v1/accounts/${id}/attempt`);
    last = attempt;
    if (attempt.state && attempt.state !== 'running') return attempt;
    const { body: account } = await call('GET', `/api/v1/accounts/${id}`);
    const ref = { account_id: account.provider_account_id };
    const reply = (answer: string) =>
      call('POST', `/api/v1/accounts/${id}/attempt/steps/${attempt.step.id}`, { answer });
    const act: Record<string, () => Promise<unknown>> = {
      code: () => reply((left.length > 1 ? left.shift() : left[0]) ?? ''),
      captcha: () => reply(left[0] ?? ''),
      phone: () => reply(`+33${personal.askedPhone.value}`),
      choose: () => reply(attempt.step.options[0].id),
      // The provider may be failing at this moment; the next round tries again.
      approve: () => control.post('/approve', ref).catch(() => null),
      qr: () => control.post('/scan', { ...ref, phone: `+33${personal.scannedPhone.value}` }).catch(() => null),
    };
    await act[attempt.step?.kind]?.();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`the attempt of ${id} has not ended: ${JSON.stringify(last)}`);
}
