import type { ProviderSettings } from '../provider.ts';

/** The version of the Graph API that is asked for unless the settings name another one. */
export const defaultVersion = 'v26.0';

/**
 * Until when each version is served, by Meta's list of versions (November 2026); later calls are answered by the oldest one
 * that is left. The newest has no end yet.
 */
const ends: Readonly<Record<string, string | null>> = {
  'v18.0': '2026-01-26',
  'v19.0': '2026-05-21',
  'v20.0': '2026-09-24',
  'v21.0': '2027-01-21',
  'v22.0': '2027-05-20',
  'v23.0': '2027-10-08',
  'v24.0': '2028-02-18',
  'v25.0': '2028-07-29',
  'v26.0': null,
};

const dayMs = 86_400_000;
const warnDays = 90;

/** What an operator should know of the version in the settings, in one sentence each; `now` is in milliseconds since the epoch. */
export function versionNotices({ api_version: given }: ProviderSettings, now: number): string[] {
  const version = given || defaultVersion;
  const advice = `Set META_API_VERSION (api_version) to ${defaultVersion} or a later one.`;
  if (isOlder(version))
    return [`Version ${version} of the Graph API has ended: Meta answers as another one. ${advice}`];
  const end = ends[version];
  if (!end) return [];
  const days = Math.ceil((Date.parse(end) - now) / dayMs);
  if (days <= 0) return [`Version ${version} of the Graph API ended on ${end}: Meta answers as a later one. ${advice}`];
  return days <= warnDays ? [`Version ${version} of the Graph API ends on ${end}, in ${days} days. ${advice}`] : [];
}

/** Versions before those of the table are over. */
const isOlder = (version: string): boolean =>
  !Object.hasOwn(ends, version) && Number(version.slice(1)) < Number('18.0');
