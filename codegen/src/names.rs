//! From names on the wire to names in Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::Span;
use syn::Ident;

/// The Rust name of a schema: camel case, dots and underscores gone (`Action.Status` is
/// `ActionStatus`).
pub fn type_name(schema: &str) -> String {
    let plain: String = schema
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    plain.to_upper_camel_case()
}

/// The Rust type behind a schema's name.
pub fn type_ident(schema: &str) -> Ident {
    ident(&type_name(schema))
}

/// The Rust name of a field, parameter or method.
pub fn snake(wire: &str) -> String {
    wire.to_snake_case()
}

/// An identifier; keywords are written raw, and what can't be one as it is gets an underscore.
pub fn ident(name: &str) -> Ident {
    let raw = || syn::parse_str(&format!("r#{name}"));
    let mended = || {
        let text: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        syn::parse_str(&format!("{text}_")).or_else(|_| syn::parse_str(&format!("_{text}")))
    };
    syn::parse_str(name)
        .or_else(|_| raw())
        .or_else(|_: syn::Error| mended())
        .unwrap_or_else(|_| Ident::new("unnamed", Span::call_site()))
}

/// A variant for a value on the wire: `aws-batch` is `AwsBatch`.
pub fn variant(value: &str) -> Ident {
    let name = type_name(value);
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        return ident(&format!("V{name}"));
    }
    ident(&name)
}

/// Letters and digits in lower case: what survives all ways of writing a name.
pub fn normal(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_the_schemas_names_in_camel_case() {
        let table = [
            ("WorkflowDbDto", "WorkflowDbDto"),
            ("Action.Status", "ActionStatus"),
            ("AuditLogV2ResponseDto.Actor", "AuditLogV2ResponseDtoActor"),
            ("SSHSecurityKeys", "SshSecurityKeys"),
            ("K8sComputeConfig", "K8sComputeConfig"),
            ("tool_class", "ToolClass"),
        ];
        for (schema, name) in table {
            assert_eq!(type_name(schema), name);
        }
    }

    #[test]
    fn variants_fields_and_keywords() {
        assert_eq!(variant("aws-batch").to_string(), "AwsBatch");
        assert_eq!(variant("azure_entra").to_string(), "AzureEntra");
        assert_eq!(variant("4xlarge").to_string(), "V4xlarge");
        assert_eq!(snake("headJobMemoryMb"), "head_job_memory_mb");
        assert_eq!(ident("type").to_string(), "r#type");
        assert_eq!(normal("dataLink-Id_"), "datalinkid");
    }
}
