import { wabaOf } from '../access.ts';
import { graphRoute, type Route } from '../graph/call.ts';
import { defaultFields, parseFields, selectFields } from '../graph/fields.ts';
import { pageOf } from '../graph/paging.ts';
import type { State } from '../state.ts';
import type { Template } from '../types.ts';
import type { Node, View } from '../views.ts';

const FIELDS = ['name', 'parameter_format', 'components', 'language', 'status', 'category', 'id'];

export const templateRoutes = (state: State): Route[] => [
  graphRoute('GET /:node/message_templates', (call) => {
    const waba = wabaOf(state, call);
    const { params } = call;
    const matches = (name: 'name' | 'language' | 'status' | 'category', value: string): boolean => {
      const asked = params.text(name);
      return asked === undefined || asked.toLowerCase() === value.toLowerCase();
    };
    const items = waba.templates.filter(
      (one) =>
        matches('name', one.name) &&
        matches('language', one.language) &&
        matches('status', one.status) &&
        matches('category', one.category),
    );
    const text = params.text('fields');
    const fields = text === undefined ? defaultFields(...FIELDS) : parseFields(text);
    return pageOf(state, call, {
      items,
      idOf: ({ id }) => id,
      view: (one) => selectFields(viewOf(one), fields, 'WhatsAppMessageTemplate'),
      deadCursor: 131_059,
    });
  }),
];

const viewOf = (one: Template): View => ({
  ...one,
  sub_category: 'CUSTOM',
  quality_score: { score: 'GREEN' },
  rejected_reason: 'NONE',
});

export function templateNode(state: State, id: string): Node | null {
  for (const { templates } of state.world.wabas.values()) {
    const found = templates.find((one) => one.id === id);
    if (found) return { view: viewOf(found), defaults: FIELDS, type: 'WhatsAppMessageTemplate' };
  }
  return null;
}
