/** Bounds on a file that a person drops on the page. */

/** UTF-16 units. The whole of New York's hotspots is 2 MB; JSON of this size parses in well under a second. */
export const MAX_IMPORT_LENGTH = 8 * 1024 * 1024;
/** More than a map shows and than one owner may register (MAX_ACCESS_POINTS_PER_OWNER). */
export const MAX_IMPORT_ROWS = 4096;
/** Nobody reads more; the count says how many there were. */
export const MAX_REPORTED_REJECTIONS = 100;
