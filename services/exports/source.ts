import type { Em } from '../../db/connect.ts';

/** Rows of a page, and where the next one begins; null at the end. */
interface SourcePage {
  rows: readonly object[];
  next: unknown;
}

/** Something that an export reads page by page: a table, or what there is of a person. */
export interface ExportSource {
  name: string;
  /** Names of columns whose values are not written, because they give access to something. */
  withheld?: readonly string[];
  /** It is read as the system's role, which its queries keep to the tenant. */
  isSystem?: boolean;
  /** `after`: of the page before; null at the beginning. */
  page(em: Em, after: unknown): Promise<SourcePage>;
}

/** Rows of a page. */
export const pageRows = 500;
