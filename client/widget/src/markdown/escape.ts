const NAMES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as HTML, for elements and attributes in double quotes. */
export const escape = (text: string): string => text.replace(/[&<>"]/g, (char) => NAMES[char] ?? char);

/** The same, where `&nbsp;` and its like mean what they do in HTML. */
export const escapeText = (text: string): string => escape(text).replace(/&amp;(#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w{1,30});/gi, '&$1;');
