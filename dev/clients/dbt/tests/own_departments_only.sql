select id from {{ source('demo', 'hr_data') }} where dept not in ('Sales', 'Finance')
