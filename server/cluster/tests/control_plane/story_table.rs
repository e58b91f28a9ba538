//! The table of stories on a real control plane. The same table runs on the practice cluster.

use futures::{StreamExt, stream};
use practice::stories::{Story, play, stories};

use crate::stage::RealStage;

/// How many stories run at a time: enough to hide their waiting, few enough for a small machine.
const AT_A_TIME: usize = 6;

async fn on_a_stage(story: Story) -> Option<String> {
    let stage = RealStage::new().await;
    let played = play(&story, &stage).await;
    stage.room.leave().await;
    played.err().map(|error| error.to_string())
}

#[tokio::test]
async fn every_story_is_seen_as_the_table_says() {
    let results = stream::iter(stories()).map(on_a_stage).buffer_unordered(AT_A_TIME);
    let failures: Vec<String> = results.filter_map(|failure| async move { failure }).collect().await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
