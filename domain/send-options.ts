/** An answer that the person chooses; `payload` comes back with it, by default its title. */
interface QuickReply {
  title: string;
  payload?: string;
}

/** A parameter of a template: by the name that the template gives it, else by its place. */
export interface TemplateParameter {
  name?: string;
  text: string;
}

/** A template that the provider has approved, filled in. A header's file is the message's attachment. */
export interface TemplateUse {
  name: string;
  /** As the provider spells it: `en_US`. */
  language: string;
  header: readonly TemplateParameter[];
  body: readonly TemplateParameter[];
  /** `index` counts all buttons of the template from 0. */
  buttons: readonly { index: number; text: string }[];
}

/** What a message has beside text, files and the message that it answers. JSON. */
export interface SendOptions {
  template?: TemplateUse;
  quickReplies?: readonly QuickReply[];
  /** Why it may go out although the person has not written for long (`MessageWindow.wayOut`). */
  tag?: string;
}
