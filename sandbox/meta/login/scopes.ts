/** What an app may ask for, with what it allows, as the dialog says it. */
const FACEBOOK: Record<string, string> = {
  public_profile: 'Your name and profile picture',
  email: 'Your e-mail address',
  pages_show_list: 'Show a list of the Pages you manage',
  pages_messaging: 'Manage and access Page conversations in Messenger',
  pages_manage_metadata: 'Manage accounts, settings and webhooks of a Page',
  pages_read_engagement: 'Read content posted on a Page',
  pages_read_user_content: 'Read user content on your Page',
  pages_user_locale: "See people's locale",
  pages_user_timezone: "See people's time zone",
  pages_user_gender: "See people's gender",
  instagram_basic: 'Access profile and posts of the Instagram account connected to your Page',
  instagram_manage_messages: 'Manage and access messages of the Instagram account',
  instagram_manage_comments: 'Manage comments of the Instagram account',
  business_management: 'Manage your business',
  ads_management: 'Manage ads',
  ads_read: 'Read ads',
  whatsapp_business_management: 'Manage your WhatsApp accounts',
  whatsapp_business_messaging: 'Manage and access messages of your WhatsApp accounts',
};

const INSTAGRAM: Record<string, string> = {
  instagram_business_basic: 'View profile and access media',
  instagram_business_manage_messages: 'Access and manage messages',
  instagram_business_manage_comments: 'Access and manage comments',
  instagram_business_content_publish: 'Publish content',
  instagram_business_manage_insights: 'Access insights',
};

export type LoginKind = 'facebook' | 'instagram';
export const SCOPES: Record<LoginKind, Record<string, string>> = { facebook: FACEBOOK, instagram: INSTAGRAM };

/** Cannot be declined. */
export const ALWAYS: Record<LoginKind, string> = { facebook: 'public_profile', instagram: 'instagram_business_basic' };

/** The story `some-scopes` declines these unless a box is ticked. */
export const isDeclined = (scope: string): boolean => scope.endsWith('messaging') || scope.endsWith('manage_messages');
