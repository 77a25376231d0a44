import { invalidParameter, noObject } from '../errors.ts';
import { defaultFields, parseFields, selectFields } from '../graph/fields.ts';
import { graphRoute, tokenIn, type Call, type Route } from '../graph/call.ts';
import { pageOf } from '../graph/paging.ts';
import { removeApp } from '../endings.ts';
import type { State } from '../state.ts';
import { debugView, personOfToken } from '../tokens.ts';
import type { Person } from '../types.ts';
import { ACCOUNT_FIELDS, pageNode, pagesOf } from '../views.ts';

/** Of the person behind a user token, and `debug_token`. */
export const peopleRoutes = (state: State): Route[] => [
  graphRoute('GET /debug_token', (call) => {
    const token = tokenIn(call);
    const input = call.params.required('input_token');
    const known = state.world.tokens.get(input);
    if (known && known.appId !== token.appId) {
      throw invalidParameter('The App_id in the input_token did not match the Viewing App');
    }
    return { data: debugView(state, input) };
  }),
  graphRoute('GET /:node/accounts', (call) => {
    personIn(state, call);
    const token = tokenIn(call);
    const text = call.params.text('fields');
    const fields = text === undefined ? defaultFields(...ACCOUNT_FIELDS) : parseFields(text);
    return pageOf(state, call, {
      items: pagesOf(state, token),
      idOf: ({ id }) => id,
      view: (page) => {
        const { view, type } = pageNode(state, page, token);
        return selectFields(view, fields, type);
      },
    });
  }),
  graphRoute('GET /:node/permissions', (call) => {
    const person = personIn(state, call);
    const { scopes } = tokenIn(call);
    return {
      data: [...new Set([...person.granted, ...scopes])].map((permission) => ({
        permission,
        status: scopes.has(permission) ? 'granted' : 'declined',
      })),
    };
  }),
  graphRoute('DELETE /:node/permissions', (call) => {
    removeApp(state, personIn(state, call), tokenIn(call).appId, { callback: false });
    return { success: true };
  }),
];

/** `me`, or the token's own person. Throws 100/33. */
function personIn(state: State, call: Call): Person {
  const token = tokenIn(call);
  const person = token.kind === 'user' ? personOfToken(state, token) : null;
  if (!person || (call.node !== 'me' && call.node !== person.id)) throw noObject(call.method, call.node);
  return person;
}
