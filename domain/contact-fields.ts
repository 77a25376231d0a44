interface ContactField {
  /** The name in the API, the command, `tenants.contact_fields` and events. */
  wire: string;
  column: string;
  type: 'text' | 'boolean' | 'sealed';
  droppable: boolean;
}

/** The stored fields of a contact, by name in the code. Lists on the wire keep this order. */
export const contactFields = {
  phoneNumber: { wire: 'phone_number', column: 'phone_number', type: 'text', droppable: true },
  savedName: { wire: 'saved_name', column: 'saved_name', type: 'text', droppable: true },
  pushName: { wire: 'push_name', column: 'push_name', type: 'text', droppable: true },
  verifiedName: { wire: 'verified_name', column: 'verified_name', type: 'text', droppable: true },
  company: { wire: 'company', column: 'company', type: 'text', droppable: true },
  profileImageUrl: { wire: 'profile_image_url', column: 'profile_image_url', type: 'text', droppable: true },
  whatsappStatus: { wire: 'whatsapp_status', column: 'whatsapp_status', type: 'text', droppable: true },
  isBusinessAccount: { wire: 'is_business_account', column: 'is_business_account', type: 'boolean', droppable: false },
  raw: { wire: 'raw', column: 'raw_wasender_data', type: 'sealed', droppable: true },
} as const satisfies Record<string, ContactField>;

type Table = typeof contactFields;
export type FieldName = Exclude<keyof Table, 'raw'>;
type FieldValue<Type> = Type extends 'boolean' ? boolean : string | null;
export type ContactFields = { [Name in FieldName]: FieldValue<Table[Name]['type']> };

const names = Object.keys(contactFields) as (keyof Table)[];
export const fieldNames = names.filter((name) => name !== 'raw');

export const noFields = Object.fromEntries(
  fieldNames.map((name) => [name, contactFields[name].type === 'boolean' ? false : null]),
) as ContactFields;

type DroppableField = { [Name in keyof Table]: Table[Name]['droppable'] extends true ? Name : never }[keyof Table];
export type DroppableName = Table[DroppableField]['wire'];
export const droppableFields = names.filter((name): name is DroppableField => contactFields[name].droppable);
