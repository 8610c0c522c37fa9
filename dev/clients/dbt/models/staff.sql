{{ config(materialized='view') }}
select id, last_name, email, ssn, dept, salary from {{ source('demo', 'hr_data') }} order by id
