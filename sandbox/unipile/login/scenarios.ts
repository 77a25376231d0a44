import type { AccountType, Checkpoint } from '../types.ts';

const RIGHT_CODE = '123456';

const sms: Checkpoint = { type: '2FA', source: 'SMS' };
const app: Checkpoint = { type: '2FA', source: 'APP' };
const otp: Checkpoint = { type: 'OTP' };
const approve: Checkpoint = { type: 'IN_APP_VALIDATION' };
const contract: Checkpoint = {
  type: 'CONTRACT_CHOOSER',
  contract_options: [
    { id: 'contract-emea', name: 'Recruiter EMEA' },
    { id: 'contract-us', name: 'Recruiter US' },
  ],
};
const captcha: Checkpoint = { type: 'CAPTCHA', public_key: '3117BF26-4762-4F5A-8ED9-A85E69209A46', data: 'sandbox' };
const phone: Checkpoint = { type: 'PHONE_REGISTER' };

/** By the user name's part before `@` (and before `+`); null: refused. */
const SCENARIOS: Record<string, Checkpoint[] | null> = {
  plain: [],
  '2fa': [sms],
  otp: [otp],
  approve: [approve],
  captcha: [captcha],
  contract: [contract],
  phone: [phone],
  two: [sms, contract],
  'wrong-password': null,
};

/** Any other name is a plain login, so that accounts can have names of their own. */
export function scenarioOf(username: string): Checkpoint[] | null {
  const name = username.toLowerCase().split('@')[0]!.split('+')[0]!;
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : [];
  return scenario ? [...scenario] : null;
}

/** Null where there is no other way. */
export function anotherWay(step: Checkpoint, type: AccountType): Checkpoint | null {
  if (step.type === '2FA') {
    if (step.source === 'SMS') return app;
    // Only LinkedIn asks its app for approval.
    return type === 'LINKEDIN' ? approve : sms;
  }
  return step.type === 'OTP' || step.type === 'IN_APP_VALIDATION' ? sms : null;
}

/** A QR and an approval are not solved by posting. */
export function solves(step: Checkpoint, code: string): boolean {
  switch (step.type) {
    case '2FA':
    case 'OTP':
    case 'CAPTCHA':
      return code === RIGHT_CODE;
    case 'PHONE_REGISTER':
      return /^\(\+\d{1,3}\)\d{6,14}$/.test(code);
    case 'CONTRACT_CHOOSER':
      return step.contract_options.some((option) => option.id === code);
    default:
      return false;
  }
}
