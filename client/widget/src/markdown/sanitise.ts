import createPurifier, { type Config } from 'dompurify';

/** What Markdown makes, and nothing else. */
const TAGS = 'a,blockquote,br,code,del,em,h1,h2,h3,h4,h5,h6,hr,li,ol,p,pre,strong,table,tbody,td,th,thead,tr,ul'.split(',');

const CONFIG: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ['href', 'align', 'start', 'tabindex'],
  // Others are held against the addresses that are allowed.
  ADD_URI_SAFE_ATTR: ['align', 'start', 'tabindex'],
  // Nothing of the page's own: what a model writes may not act in the visitor's name there.
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:|tel:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const WITH_IMAGES: typeof CONFIG = {
  ...CONFIG,
  ALLOWED_TAGS: [...TAGS, 'img'],
  ALLOWED_ATTR: ['href', 'align', 'start', 'tabindex', 'src', 'alt', 'loading', 'referrerpolicy'],
  ADD_URI_SAFE_ATTR: ['align', 'start', 'tabindex', 'alt', 'loading', 'referrerpolicy'],
};

let purifier: ReturnType<typeof createPurifier> | undefined;

/** HTML as nodes that cannot do anything. Without `images`, each is a link to it; in a link it is its label. */
export function sanitise(html: string, images: boolean): DocumentFragment {
  purifier ??= withHooks();
  return purifier.sanitize(images ? html : html.replace(/(<a [^>]*>)?<img src="([^"]*)" alt="([^"]*)">/g, linkInstead), images ? WITH_IMAGES : CONFIG);
}

const linkInstead = (_: string, link: string | undefined, url: string, label: string): string =>
  (link ?? `<a href="${url}">`) + (label || url) + (link ? '' : '</a>');

/** One of its own, so that hooks of the page's do not meet those here. */
function withHooks(): ReturnType<typeof createPurifier> {
  const made = createPurifier(window);
  made.addHook('afterSanitizeAttributes', (element) => {
    if (element.nodeName === 'A' && element.hasAttribute('href')) {
      element.setAttribute('target', '_blank');
      element.setAttribute('rel', 'noopener noreferrer nofollow');
    }
    if (element.nodeName === 'IMG') {
      element.setAttribute('loading', 'lazy');
      element.setAttribute('referrerpolicy', 'no-referrer');
    }
  });
  return made;
}
