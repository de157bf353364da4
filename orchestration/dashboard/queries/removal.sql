-- What would be missing without a channel.
select channel, removal_effect, share_of_effects, target_count
from marts.mart_channel_removal
where target_type = $target_type
order by removal_effect desc, channel
