/** RFC 3339 without fractions, as 0.6.2 tells when tests began and ended; of milliseconds since 1970. */
export const seconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
