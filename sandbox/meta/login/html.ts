import { alertText, escapeHtml, htmlPage } from '../../server/html.ts';
import type { Page, Person } from '../types.ts';
import { ALWAYS, isDeclined, SCOPES, type LoginKind } from './scopes.ts';

const NAMES: Record<LoginKind, string> = { facebook: 'Facebook', instagram: 'Instagram' };
const button = (action: string, text: string): string => `<button name="action" value="${action}">${text}</button>`;
const form = (content: string): string => `<form method="post">${content}</form>`;
const cancel = form(button('cancel', 'Cancel'));

const checkbox = (name: string, value: string, label: string, checked: boolean, fixed = false): string =>
  `<label><input type="checkbox" name="${name}" value="${escapeHtml(value)}"${checked ? ' checked' : ''}${
    fixed ? ' disabled' : ''
  } /> ${escapeHtml(label)}</label>`;

const scopeText = (kind: LoginKind, scope: string): string => `${SCOPES[kind][scope] ?? scope} (${scope})`;

export function loginPage(kind: LoginKind, scopes: readonly string[], problem: string | null, username = ''): string {
  const asked = scopes.map((scope) => `<li>${escapeHtml(scopeText(kind, scope))}</li>`).join('');
  return htmlPage(
    `Log in with ${NAMES[kind]}`,
    `${alertText(problem)}
      ${form(`<p>Patchbay sandbox asks for:</p>
        <ul>${asked}</ul>
        <label>User name <input name="username" value="${escapeHtml(username)}" autocomplete="username" /></label>
        <label>Password <input name="password" type="password" autocomplete="current-password" /></label>
        ${button('begin', 'Continue')}`)}
      ${cancel}`,
  );
}

/** `pages` and `scopes` are what there is to choose; each may be empty. */
export function grantPage(
  kind: LoginKind,
  person: Person,
  choice: { pages: readonly Page[]; scopes: readonly string[]; again: boolean },
  problem: string | null = null,
): string {
  const pages = choice.pages.map(({ id, name }) => checkbox('page', id, `${name} (${id})`, true));
  const scopes = choice.scopes.map((scope) => {
    const isFixed = scope === ALWAYS[kind];
    return checkbox('scope', scope, scopeText(kind, scope), isFixed || choice.again || !isDeclined(scope), isFixed);
  });
  return htmlPage(
    `Continue as ${person.name}`,
    `${alertText(problem)}
      ${form(`<input type="hidden" name="username" value="${escapeHtml(person.userName)}" />
        ${pages.length > 0 ? `<fieldset><legend>Pages</legend>${pages.join('')}</fieldset>` : ''}
        ${scopes.length > 0 ? `<fieldset><legend>What it may do</legend>${scopes.join('')}</fieldset>` : ''}
        ${button('grant', 'Continue')}`)}
      ${cancel}`,
  );
}

export const problemPage = (title: string, text: string): string => htmlPage(title, alertText(text));
