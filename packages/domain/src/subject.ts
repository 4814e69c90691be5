/**
 * What a budget can hang on. Adding a kind means adding it here; stores carry subjects as text.
 * `key_model` is a key's budget for one model, `customer` any identity of a customer.
 */
export const SUBJECT_KINDS = ['global', 'team', 'user', 'key', 'key_model', 'customer'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

export interface Subject {
  readonly kind: SubjectKind;
  readonly id: string;
}

/** A subject as stores and counters carry it: `kind:id`, the id unchanged (it may hold `:` and `/`). */
export type SubjectKey = string;

/** The whole proxy. There is one, so its id is fixed. */
export const GLOBAL_SUBJECT: Subject = { kind: 'global', id: 'proxy' };

export function subjectKey(subject: Subject): SubjectKey {
  return `${subject.kind}:${subject.id}`;
}

/** The inverse of `subjectKey`; undefined when the text does not begin with a known kind and a colon. */
export function findSubject(key: SubjectKey): Subject | undefined {
  const colon = key.indexOf(':');
  const kind = SUBJECT_KINDS.find((known) => known === key.slice(0, colon));
  return kind === undefined ? undefined : { kind, id: key.slice(colon + 1) };
}

/** The subject of a key's spend on one model. Key hashes hold no slash, so the pair stays unambiguous. */
export function keyModelSubject(of: { readonly key: string; readonly model: string }): Subject {
  return { kind: 'key_model', id: `${of.key}/${of.model}` };
}
