const part = () => Math.random().toString(36).slice(2);

/** A new id of a frame. It has to be new for its user and a day, not secret. */
export const newId = (): string => part() + part();
