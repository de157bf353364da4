{#- The raw tables whose rows can identify somebody: how their columns answer the questions of identity.
    event_time: when the first version happened; version_time: when a later one did; absent columns are null. -#}
{% macro person_tables() %}
    {{ return([
        {'source': 'forms', 'table': 'submissions', 'event_time': 'submitted_at'},
        {'source': 'events', 'table': 'registrations', 'event_time': 'registered_at', 'registration': 'registration_id'},
        {'source': 'events', 'table': 'attendance', 'event_time': 'checked_in_at', 'registration': 'registration_id'},
        {'source': 'webinars', 'table': 'registrations', 'event_time': 'registered_at'},
        {
            'source': 'crm', 'table': 'leads', 'event_time': 'created_at', 'version_time': 'updated_at', 'lead': 'lead_id',
            'contact': 'converted_contact_id', 'crm_account': 'account_id', 'deleted': 'is_deleted'
        },
        {
            'source': 'crm', 'table': 'contacts', 'event_time': 'created_at', 'version_time': 'updated_at', 'contact': 'contact_id',
            'crm_account': 'account_id', 'deleted': 'is_deleted'
        },
        {'source': 'consent', 'table': 'events', 'event_time': 'occurred_at', 'has_only': person_contact_columns() + ['country']},
    ]) }}
{% endmacro %}


{% macro person_contact_columns() %}
    {{ return(['email', 'phone', 'wechat_openid', 'external_id']) }}
{% endmacro %}


{#- The identity columns of the raw contract that every person-bearing table may have. -#}
{% macro person_columns() %}
    {{ return([
        'email', 'phone', 'full_name', 'first_name', 'last_name', 'company', 'job_title', 'department', 'company_size', 'industry',
        'country', 'region', 'city', 'address', 'postal_code', 'birth_date', 'anonymous_id', 'wechat_openid', 'wechat_unionid', 'external_id'
    ]) }}
{% endmacro %}


{#- Attributes of the golden profile that are taken as typed, apart from trimming. -#}
{% macro plain_profile_attributes() %}
    {{ return([
        'first_name', 'last_name', 'company', 'job_title', 'department', 'company_size', 'industry', 'region', 'city', 'address',
        'postal_code', 'wechat_openid'
    ]) }}
{% endmacro %}


{#- Text without outer blanks; the empty text is no value. -#}
{% macro blank_to_null(expression) -%}
    nullif(trim({{ expression }}), '')
{%- endmacro %}


{#- The key text of a one-column key, as the loader writes it. -#}
{% macro single_key(expression) -%}
    replace(replace({{ expression }}, '\', '\\'), '|', '\|')
{%- endmacro %}


{#- Which rows of an interactions relation are one touch key; the id is the record id of that key. -#}
{% macro touch_columns() %}
    {{ return(['anonymous_id', 'email', 'phone', 'wechat_openid', 'wechat_unionid', 'external_id']) }}
{% endmacro %}


{% macro touch_key_id(source_system) -%}
    {{ md5_text(["'engagement.interactions'", source_system] + touch_columns()) }}
{%- endmacro %}


{#- Columns of int_identity__record_versions that a row brings with it; its number and time follow from all rows of the record. -#}
{% macro version_columns(alias='') %}
    {% set columns = [] %}
    {% for column in [
        'record_id', 'source_table', 'source_system', 'lead_id', 'contact_id', 'crm_account_id', 'registration_id'
    ] + person_columns() + [
        'country_code', 'person_name', 'birth_order', 'load_sequence', 'source_row', 'is_deleted', 'arrived_at', 'event_at', 'updated_at'
    ] %}
        {% do columns.append(alias ~ column) %}
    {% endfor %}
    {{ return(columns) }}
{% endmacro %}


{#- Columns of int_identity__touch_keys, int_identity__crm_references and int_identity__records as the next night reads them. -#}
{% macro touch_key_columns() %}
    {% set columns = {'record_id': 'varchar', 'source_system': 'varchar'} %}
    {% for column in touch_columns() %}
        {% do columns.update({column: 'varchar'}) %}
    {% endfor %}
    {% do columns.update({
        'load_id': 'varchar', 'load_sequence': 'bigint', 'last_load_sequence': 'bigint', 'touch_count': 'bigint', 'arrived_at': 'timestamp',
        'first_seen_at': 'timestamp', 'last_seen_at': 'timestamp'
    }) %}
    {{ return(columns) }}
{% endmacro %}


{% macro crm_reference_columns() %}
    {{ return({
        'record_id': 'varchar', 'source_system': 'varchar', 'object_type': 'varchar', 'object_id': 'varchar', 'load_id': 'varchar',
        'load_sequence': 'bigint', 'last_load_sequence': 'bigint', 'arrived_at': 'timestamp', 'observed_at': 'timestamp'
    }) }}
{% endmacro %}


{% macro record_columns() %}
    {{ return({
        'record_id': 'varchar', 'source_table': 'varchar', 'source_system': 'varchar', 'record_key': 'varchar', 'load_id': 'varchar',
        'load_sequence': 'bigint', 'last_load_sequence': 'bigint', 'birth_order': 'bigint', 'has_own_row': 'boolean',
        'arrived_at': 'timestamp', 'observed_at': 'timestamp'
    }) }}
{% endmacro %}


{% macro version_types() %}
    {% set types = {} %}
    {% for column in version_columns() %}
        {% do types.update({column: 'varchar'}) %}
    {% endfor %}
    {% do types.update({
        'birth_order': 'bigint', 'load_sequence': 'bigint', 'source_row': 'bigint', 'is_deleted': 'boolean', 'arrived_at': 'timestamp',
        'event_at': 'timestamp', 'updated_at': 'timestamp'
    }) %}
    {{ return(types) }}
{% endmacro %}
