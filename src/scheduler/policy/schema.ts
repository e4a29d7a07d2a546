/**
 * What a policy may speak about. Every policy is checked against this schema in strict mode when it
 * is loaded, so a misspelt attribute is an error at once and never a rule that silently never fires.
 *
 * Frozen: attributes may be added; to rename or drop one breaks the policies of every operator. The
 * text is part of a policy set's digest.
 */
const data = "{ name: String, dataClass: String, owner: String, countries: Set<String> }";
const place = "{ country: String, zone: String, site: String, grade: String, gradeRank: Long }";
const asked = "{ owner: String, purpose: String, driver: String }";

// Cedar does not take a named record as the shape of an entity, so the records stand in both places.
export const schemaText = `
type Data = ${data};
type Place = ${place};
type Asked = ${asked};

entity DataSet = ${data};
entity Host = ${place};
entity Job = ${asked};
// What leaves: "output", "artifact" or "log".
entity Export = { what: String };
entity Destination = { country: String };

// May this job run on this host? "data" is the job's data set, or the public class without one.
action run_on appliesTo { principal: Job, resource: Host, context: { data: Data } };
// May this job read this data set on a host that stands there?
action read_data appliesTo { principal: Job, resource: DataSet, context: { host: Place } };
// Asked as well when the host is public.
action burst appliesTo { principal: Job, resource: Host, context: { data: Data } };
// May something that was made from this data go to that country?
action export appliesTo {
  principal: Export, resource: Destination, context: { data: Data, job?: Asked }
};
`;

export const actions = ["run_on", "read_data", "burst", "export"] as const;
export type Action = (typeof actions)[number];
