/** The registry of models in the demo's bundle: what moves `champion` waits for people, any other alias moves at once. */

const CATALOGUE = `[registry]

[tools.set_alias]
class = "promotion"
effect = "reconcilable"
reversibility = "reversible"

[tools.deploy]
class = "promotion"
effect = "reconcilable"
reversibility = "reversible"
`;

const CLASS = `
[classes.promotion]
description = "What moves in the registry of models"
writes = true
impact = 20
profile = "sre"
`;

const POLICY = `@id("test.champion")
@escalate("sre")
permit (principal in Group::"owners", action == Action::"registry.set_alias", resource)
when { context.mode == Mode::"approved" && context.input.alias == "champion" };

@id("test.others")
permit (principal in Group::"owners", action == Action::"registry.set_alias", resource)
when { context.mode == Mode::"monitored" && context.input.alias != "champion" };

@id("test.deployments")
permit (principal in Group::"owners", action == Action::"registry.deploy", resource)
when { context.mode == Mode::"monitored" };
`;

/** Is what policies can read of a version, whatever is to be moved. */
const OF_VERSION: readonly (readonly [string, string])[] = [
  ["aliases", "Set<String>"], ["failed", "Set<String>"], ["from?", "Long"], ["gaps", "Set<String>"], ["logged_model?", "String"], ["made_by?", "String"],
  ["model", "String"], ["model_tags", "Set<String>"], ["passed", "Set<String>"], ["prompt", "Bool"], ["rollback", "Bool"], ["run?", "String"], ["run_status?", "String"],
  ["seal?", "String"], ["sealed", "Bool"], ["source", "String"], ["stage_before", "String"], ["tags", "Set<String>"], ["version", "Long"],
];

function action(tool: string, own: string): string {
  const input = [[own, "String"] as const, ...OF_VERSION].map(([name, type]) => `      ${name}: ${type},`);
  return `
action "registry.${tool}" in ["class:promotion", "server:registry"] appliesTo {
  principal: [Agent, Person],
  resource: [Server],
  context: {
    mode: Mode, now: datetime, weekday: Long, minute: Long, level: Long, risk: Long,
    delegated: Bool, touches: Long, confidence?: Long,
    input: {
${input.join("\n")}
    },
  },
};
`;
}

const SCHEMA = `
action "class:promotion" in ["write"];
action "server:registry";
${action("set_alias", "alias")}${action("deploy", "target")}`;

/** Adds the registry of models to a bundle. */
export function withRegistry(files: Record<string, string>): Record<string, string> {
  return {
    ...files,
    "classes.toml": (files["classes.toml"] ?? "") + CLASS,
    "schema.cedarschema": (files["schema.cedarschema"] ?? "") + SCHEMA,
    "catalog/registry.toml": CATALOGUE,
    "policies/registry.cedar": POLICY,
  };
}
