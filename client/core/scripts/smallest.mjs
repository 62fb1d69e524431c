/** What terser leaves out: with which of these least is left is another one with nearly each change, by up to 100 bytes. */
const TRIED = ['collapse_vars', 'conditionals', 'sequences', 'if_return', 'comparisons'];

/** Options for terser's `compress`: some of these switched off. */
const SETS = [...Array(2 ** TRIED.length).keys()].map((set) =>
  Object.fromEntries(TRIED.filter((_, at) => set & (1 << at)).map((name) => [name, false])),
);

/** What `make` makes with that one of the sets with which it has the fewest `bytes`. */
export async function smallest(make) {
  let best;
  // Each may write where the one before has.
  for (const compress of SETS) {
    // Functions in objects are written as methods: none of them is called by `new`.
    const made = await make({ passes: 3, unsafe_methods: true, unsafe_arrows: true, ...compress });
    if (!best || made.bytes < best.bytes) best = made;
  }
  return best;
}
