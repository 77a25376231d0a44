import { ProviderFailure } from '../../domain/failures.ts';
import type { StepContent } from '../../domain/steps.ts';
import type { LoginInput, LoginProgress, OAuth, OAuthLogin, ProviderCall } from '../provider.ts';
import { exchangeFacebook, facebookDialog, linkChosenPage } from './login-facebook.ts';
import { loginHost } from './login-input.ts';
import { exchangeInstagram, instagramDialog } from './login-instagram.ts';
import { beginWithToken } from './login-token.ts';
import { beginWithNumber, linkChosenNumber } from './login-whatsapp.ts';

/** A login by a token; those by a login page begin with `oauth`. */
export const begin = (call: ProviderCall, input: LoginInput): Promise<LoginProgress> =>
  call.channel === 'whatsapp' ? beginWithNumber(call, input) : beginWithToken(call, input);

/** The only step that takes an answer is the choice of a Page, an Instagram account or a number. */
export function answer(call: ProviderCall, content: StepContent, text: string): Promise<LoginProgress> {
  if (content.kind !== 'choose')
    return Promise.reject(new ProviderFailure('unsupported', 'A login at Meta has no such step.'));
  return call.channel === 'whatsapp' ? linkChosenNumber(call, text) : linkChosenPage(call, text);
}

const isInstagram = (login: OAuthLogin): boolean => loginHost(login) === 'instagram';

export const oauth: OAuth = {
  redirectSetting: 'redirect_uri',
  paths: ['/api/platforms/callback'],
  authorizationUrl: (call, login) => (isInstagram(login) ? instagramDialog(call, login) : facebookDialog(call, login)),
  exchange: (call, code, login) =>
    isInstagram(login) ? exchangeInstagram(call, code, login) : exchangeFacebook(call, code, login),
};
