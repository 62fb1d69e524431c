/** How many bytes a text has as UTF-8. */
export const bytesOf = (text: string) => new TextEncoder().encode(text).length;
