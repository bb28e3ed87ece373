//! The example templates in `infra/examples`, deployed as they are beside the stack, as an operator would.

use std::{collections::BTreeMap, fs, path::Path};

use aws_sdk_cloudformation::{
    Client,
    types::{Capability, Parameter},
};

use crate::{wait::eventually, world::World};

/// A deployed example.
pub struct Example {
    client: Client,
    name: String,
    outputs: BTreeMap<String, String>,
}

impl Example {
    /// Deploys `infra/examples/FILE` with these parameters.
    ///
    /// # Panics
    /// If it does not come up.
    pub async fn deploy(world: &World, file: &str, name: &str, parameters: &[(&str, &str)]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/examples").join(file);
        let template = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let client = Client::new(&world.config);
        let given = parameters
            .iter()
            .map(|(key, value)| Parameter::builder().parameter_key(*key).parameter_value(*value).build());
        let create = client.create_stack().stack_name(name).template_body(template);
        let create = create.set_parameters(Some(given.collect())).capabilities(Capability::CapabilityIam);
        create.send().await.unwrap();
        let outputs = eventually("the example's stack", async || {
            let described = client.describe_stacks().stack_name(name).send().await.unwrap();
            let stack = &described.stacks()[0];
            let status = stack.stack_status().unwrap().as_str();
            assert!(matches!(status, "CREATE_IN_PROGRESS" | "CREATE_COMPLETE"), "{file}: {status}");
            let pair = |output: &aws_sdk_cloudformation::types::Output| {
                Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
            };
            (status == "CREATE_COMPLETE").then(|| stack.outputs().iter().filter_map(pair).collect())
        })
        .await;
        Self { client, name: name.to_owned(), outputs }
    }

    /// An output.
    pub fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }

    /// Takes it away again.
    pub async fn delete(self) {
        self.client.delete_stack().stack_name(self.name).send().await.unwrap();
    }
}
