-- Who looked at which product.
select product_id, count(*) as person_count, count(distinct account_id) as account_count, sum(touch_count) as touch_count
from marts.mart_product_interest
group by product_id
order by person_count desc, product_id
