/**
 * What a policy may speak about. Every policy is checked against this schema in strict mode when it
 * is loaded, so a misspelt attribute is an error at once and never a rule that silently never fires.
 *
 * An attribute with `?` may be unknown, and a rule may look at it behind `has` only.
 *
 * Frozen: attributes may be added; to rename or drop one breaks the policies of every operator. The
 * text is part of a policy set's digest.
 */
const data = `{
  name: String, dataClass: String, owner: String, countries: Set<String>,
  purposes: Set<String>, grantsOnly: Bool,
  origin?: String, persons?: Long, importantData?: Bool, criticalOperator?: Bool,
  domesticAdded?: Bool, transit?: Bool, habitual?: Bool
}`;
const place = `{
  country: String, zone: String, site: String, grade: String, gradeRank: Long, operator?: String
}`;
const asked = "{ owner: String, purpose: String, driver: String }";

// Cedar does not take a named record as the shape of an entity, so the records stand in both places.
export const schemaText = `
type Data = ${data};
type Place = ${place};
type Asked = ${asked};
// What it means that the data goes to the country and party that is asked about. "leaves": countries
// that it leaves so, that of its origin and that where it lies; "mechanisms": what is in force and
// names the country and party; "personsThisYear": people whose data of this origin and class, other
// data sets only, went abroad since the year began there.
type Basis = { leaves: Set<String>, mechanisms: Set<String>, personsThisYear?: Long };
// What a job runs, where that is a model or code of its own.
type Algorithm = { digest: String, registered: Bool, needsApproval: Bool, approved: Bool };

entity DataSet = ${data};
entity Host = ${place};
entity Job = ${asked};
// What leaves: "output", "artifact", "log", "checkpoint" or "model-update".
entity Export = { what: String };
entity Destination = { country: String, recipient?: String };

// May this job run on this host? "data" is the job's data set, or the public class without one.
action run_on appliesTo {
  principal: Job, resource: Host, context: { data: Data, basis: Basis, algorithm?: Algorithm }
};
// May this job read this data set on a host that stands there? "granted": a grant of the data's
// owner for the job's owner and purpose is in force and not used up, or both are one.
action read_data appliesTo {
  principal: Job, resource: DataSet, context: { host: Place, basis: Basis, granted: Bool }
};
// Asked as well when the host is public.
action burst appliesTo {
  principal: Job, resource: Host, context: { data: Data, basis: Basis, algorithm?: Algorithm }
};
// May something that was made from this data go to that country? "from" is where it lies.
action export appliesTo {
  principal: Export, resource: Destination,
  context: { data: Data, basis: Basis, job?: Asked, from?: String }
};
`;

export type Action = "run_on" | "read_data" | "burst" | "export";
