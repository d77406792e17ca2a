//! The receivers of the configuration, looked at before anything is sent.

use std::time::Duration;

use futures::future::join_all;

use super::Channel;
use super::send::Courier;
use crate::Settings;

/// How long a resolver may take; nobody's start waits for it longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// A sentence for each configured receiver that the guard would refuse, naming its setting.
///
/// It asks the resolver, as a delivery does; what cannot be resolved just now is not refused.
pub async fn refused_receivers(settings: &Settings) -> Vec<String> {
    let courier = &Courier::new(&settings.webhook_allow);
    let looks = Channel::ALL.into_iter().filter_map(|channel| {
        let url = channel.receiver(settings)?;
        Some(async move {
            let looked = tokio::time::timeout(PATIENCE, courier.check(url)).await;
            let refused = looked.ok()?.err()?;
            Some(format!("{} is refused: {refused}", channel.setting()))
        })
    });
    join_all(looks).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[tokio::test]
    async fn a_refused_receiver_is_named_by_its_setting_and_not_by_its_address() {
        let mut settings = Settings {
            slack_webhook: Some(SecretString::from("http://127.0.0.1:9/secret-part")),
            generic_webhook: Some(SecretString::from("http://169.254.169.254/secret-part")),
            ..Settings::default()
        };
        let told = refused_receivers(&settings).await;
        let [slack, generic] = &told[..] else {
            panic!("two receivers are refused: {told:?}")
        };
        assert!(
            slack.starts_with(
                "notify.slack_webhook is refused: its host leads to this machine itself"
            )
        );
        assert!(
            generic
                .starts_with("notify.webhook is refused: its host leads to a link-local address")
        );
        assert!(slack.contains("notify.webhook_allow") && !slack.contains("secret-part"));

        settings.webhook_allow = vec!["127.0.0.0/8".parse().unwrap()];
        assert_eq!(refused_receivers(&settings).await.len(), 1);
    }
}
