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

/** The subject of a key's spend on one model. Key hashes hold no slash, so the pair stays unambiguous. */
export function keyModelSubject(of: { readonly key: string; readonly model: string }): Subject {
  return { kind: 'key_model', id: `${of.key}/${of.model}` };
}
