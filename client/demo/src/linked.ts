const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The token that a link has brought along (`#token=…`), for its own tab. On this machine only: elsewhere
 * a stranger's link could have people talk in the stranger's room.
 */
export function linkedToken(tenant: string): string | null {
  const key = `causerie.${tenant}.token`;
  const linked = new URLSearchParams(location.hash.slice(1)).get('token');
  if (linked && LOCAL.includes(location.hostname)) {
    sessionStorage.setItem(key, linked);
    history.replaceState(null, '', location.pathname + location.search);
  }
  addEventListener('hashchange', () => location.reload());
  return sessionStorage.getItem(key);
}
